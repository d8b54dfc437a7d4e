import type { Event } from "../../../Trace.ts"
import { simulationLane, unknownLane } from "../../lanes.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { markTextOf } from "./eventMark.ts"
import { highlightClass } from "./highlight.ts"
import { headHeight, lanesLeft } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import type { OccupancyGrid } from "./OccupancyGrid.ts"
import { clip, letterWidth, px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Pixels between the middle of a mark and its label. */
const distance = 12

/** Maximum widths, in lanes, of a label that covers the next lanes, to the right and to the left. */
const lanesRight = 3.5
const lanesLeftward = 2.5

/** Possible position of a label. */
interface Place {
  readonly left: (width: number) => number
  readonly letters: number
  /** `true` if the place is used only for a complete text that covers no arrow. */
  readonly isStrict: boolean
}

const classOf = (event: Event): string => (event._tag === "Note" ? event.kind : event._tag.toLowerCase())

/**
 * Labels of marks. A label is on the right if there is room, otherwise on the left, and shortened if there is no room.
 */
export class MarkLabels {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers

  constructor(model: TraceModel, layers: DiagramLayers) {
    this.model = model
    this.layers = layers
  }

  /** Draws the label of an event, if there is room for it. `arrows` is the area of all arrows. */
  draw(index: number, event: Event, viewport: Viewport, occupied: OccupancyGrid, arrows: OccupancyGrid): void {
    const text = markTextOf(event)
    const lane = this.model.causality.laneOf[index] ?? unknownLane
    if (text === "" || lane < simulationLane) return
    // A failure has a line across the lanes, so its label is below the line.
    const isFailure = event._tag === "Failed"
    const baseline = viewport.yOf(index) + (isFailure ? 20 : 3.5)
    if (baseline < headHeight + 10 || baseline > viewport.view.height) return
    for (const { isStrict, left, letters } of this.placesOf(lane, isFailure, viewport)) {
      if (isStrict && text.length > letters) continue
      const written = clip(text, letters)
      if (written === "") continue
      const width = written.length * letterWidth
      const x = left(width)
      // If the line of the mark is occupied, tries a position slightly above or below it.
      for (const y of [baseline, baseline - 9, baseline + 9]) {
        const box = { left: x, right: x + width, top: y - 9, bottom: y + 2.5 }
        if (!occupied.isFree(box) || (isStrict && !arrows.isFree(box))) continue
        occupied.occupy(box)
        const style = `say ${classOf(event)}${highlightClass(viewport.view, index)}`
        this.layers.labels.put(`e${index}`, "text", { class: style, x: px(x), y: px(y) }, written)
        return
      }
    }
  }

  /** Lists the places of a label, the best first. */
  private placesOf(lane: number, isFailure: boolean, viewport: Viewport): ReadonlyArray<Place> {
    const { laneWidth, view } = viewport
    const middle = viewport.x(lane)
    const right = isFailure ? lanesLeft + 6 : middle + distance
    const lettersTo = (x: number): number => Math.floor((Math.min(x, view.width - 4) - right) / letterWidth)
    const own = lettersTo(isFailure || lane === simulationLane ? view.width : middle + laneWidth - distance)
    const leftRoom = Math.min(middle - lanesLeft, lanesLeftward * laneWidth)
    const onRight = () => right
    return [
      { left: onRight, letters: lettersTo(middle + lanesRight * laneWidth), isStrict: true },
      {
        left: (width) => middle - distance - width,
        letters: Math.floor(leftRoom / letterWidth) - 2,
        isStrict: true,
      },
      { left: onRight, letters: own, isStrict: false },
      { left: onRight, letters: Math.floor(own / 2), isStrict: false },
    ]
  }
}
