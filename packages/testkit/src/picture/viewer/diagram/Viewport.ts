import type { Timeline } from "../model/timeline.ts"
import type { View } from "../View.ts"
import { headHeight, type LaneLayout } from "./LaneLayout.ts"

/** Pixels by which a mark extends above and below its row. */
const markReach = 16

/** Transformation from lanes and rows to pixels for one view. */
export class Viewport {
  readonly view: View
  /** Row at the bottom. */
  readonly bottom: number
  readonly laneWidth: number
  private readonly layout: LaneLayout
  private readonly timeline: Timeline

  constructor(view: View, layout: LaneLayout, timeline: Timeline) {
    this.view = view
    this.layout = layout
    this.timeline = timeline
    this.bottom = view.top + (view.height - headHeight) / view.zoom
    this.laneWidth = layout.laneWidth(view.width)
  }

  /** Returns the middle of a lane. */
  x(lane: number): number {
    return this.layout.x(lane, this.view)
  }

  /** Returns the position of a row. */
  y(row: number): number {
    return headHeight + (row - this.view.top) * this.view.zoom
  }

  /** Returns the row of an event. */
  rowOf(event: number): number {
    return this.timeline.rowOf[event] ?? 0
  }

  /** Returns the position of an event. */
  yOf(event: number): number {
    return this.y(this.rowOf(event))
  }

  /** Returns the position of a row, moved to the nearest edge of the view if the row is outside. */
  clampedY(row: number): number {
    return Math.max(headHeight, Math.min(this.view.height, this.y(row)))
  }

  /** Returns the position of the end of the trace. */
  endY(): number {
    return this.y(this.timeline.height)
  }

  /** Returns `true` if any row between `top` and `bottom` is visible. */
  overlaps(top: number, bottom: number): boolean {
    return bottom >= this.view.top && top <= this.bottom
  }

  /** Lists the events whose marks are in the view, at least in part. */
  events(): ReadonlyArray<number> {
    const { instants } = this.timeline
    const top = this.view.top - markReach / this.view.zoom
    const bottom = this.bottom + markReach / this.view.zoom
    const events: Array<number> = []
    for (let number = this.firstInstantFrom(top); number < instants.length; number++) {
      const instant = instants[number]
      if (instant === undefined || instant.top > bottom) break
      for (let event = instant.first; event < instant.end; event++) {
        const row = this.rowOf(event)
        if (row >= top && row <= bottom) events.push(event)
      }
    }
    return events
  }

  /** Finds the first instant that extends down to a row, by bisection. */
  private firstInstantFrom(row: number): number {
    const { instants } = this.timeline
    let low = 0
    let high = instants.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((instants[middle]?.bottom ?? 0) < row) low = middle + 1
      else high = middle
    }
    return low
  }
}
