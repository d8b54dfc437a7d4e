/**
 * Horizontal layout of the diagram: the times, the column of the simulation, and the lanes.
 */
import { simulationLane } from "../../lanes.ts"
import type { View } from "../View.ts"

/** Height of the names of the lanes. */
export const headHeight = 34

/** Width of the times on the left. */
export const axisWidth = 88

const simulationWidth = 30

/** Left edge of the first lane. */
export const lanesLeft = axisWidth + simulationWidth

/** Width of a letter in the name of a lane. */
export const nameLetterWidth = 7.6

const maximumWidth = 300

/** Returns the minimum width of a lane: the width of the longest name, within limits. */
const minimumWidthOf = (names: ReadonlyArray<string>): number =>
  Math.max(60, Math.min(120, 14 + nameLetterWidth * Math.max(0, ...names.map(({ length }) => length))))

/** Positions of the lanes of a trace. The lanes share the width of the view, and scroll if they do not fit. */
export class LaneLayout {
  private readonly count: number
  private readonly minimumWidth: number

  constructor(names: ReadonlyArray<string>) {
    this.count = names.length
    this.minimumWidth = minimumWidthOf(names)
  }

  /** Returns the width of one lane. */
  laneWidth(available: number): number {
    return Math.min(maximumWidth, Math.max(this.minimumWidth, (available - lanesLeft) / Math.max(1, this.count)))
  }

  /** Returns the width of the whole diagram, which may exceed the available width. */
  totalWidth(available: number): number {
    return lanesLeft + this.laneWidth(available) * this.count
  }

  /** Returns the middle of a lane. */
  x(lane: number, { left, width }: Pick<View, "left" | "width">): number {
    if (lane === simulationLane) return axisWidth + simulationWidth / 2
    const slack = Math.max(0, width - this.totalWidth(width)) / 2
    return lanesLeft + slack + (lane + 0.5) * this.laneWidth(width) - left
  }
}
