import type { Message } from "../model/messages.ts"
import { kindFilter, type TraceModel } from "../model/TraceModel.ts"
import { type Arrow, arrowOf, messageColourOf, pointOn } from "./arrow.ts"
import { highlightClass } from "./highlight.ts"
import { axisWidth, headHeight } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import type { Box, OccupancyGrid } from "./OccupancyGrid.ts"
import type { Text } from "./SvgLayer.ts"
import { clip, letterWidth, lettersOf, px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Slope in radians from which a label is beside its arrow instead of along it. */
const steepSlope = 0.6

/** Maximum width of a label in pixels. */
const maximumWidth = 330

/** Parts of an arrow at which its label may be placed, the best first. */
const parts = [0.5, 0.38, 0.62, 0.27, 0.73]

/** Distance and size of the boxes that approximate an inclined label. */
const boxSpacing = 20
const boxWidth = 20
const boxHeight = 11

/** Position of a label, with its side of the arrow. */
interface Place {
  readonly side: number
  readonly x: number
  readonly y: number
}

/** Direction of an arrow, read from left to right. */
interface Direction {
  readonly slope: number
  readonly isLoop: boolean
  readonly isSteep: boolean
}

const directionOf = ({ x0, x1, y0, y1 }: Arrow, isLoop: boolean): Direction => {
  const slope = Math.atan2((y1 - y0) * Math.sign(x1 - x0 || 1), Math.abs(x1 - x0))
  return { slope, isLoop, isSteep: isLoop || Math.abs(slope) > steepSlope }
}

/** Orders the sides of an arrow: right and left of a steep arrow, otherwise below (1) and above (-1). */
const sidesOf = ({ isLoop, isSteep, slope }: Direction): ReadonlyArray<number> => {
  if (isLoop) return [1]
  return isSteep && slope <= 0 ? [-1, 1] : [1, -1]
}

/** Covers an inclined text with boxes. */
const boxesAlong = ({ x, y }: Place, slope: number, half: number, owner: number): ReadonlyArray<Box> => {
  const boxes: Array<Box> = []
  for (let along = -half; along < half; along += boxSpacing) {
    const middle = Math.min(along + boxSpacing / 2, half)
    const left = x + middle * Math.cos(slope) - boxWidth / 2
    const top = y + middle * Math.sin(slope) - 9
    boxes.push({ left, right: left + boxWidth, top, bottom: top + boxHeight, owner })
  }
  return boxes
}

/** Labels of messages, along the arrow or beside a steep arrow. */
export class MessageLabels {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers

  constructor(model: TraceModel, layers: DiagramLayers) {
    this.model = model
    this.layers = layers
  }

  /** Draws the label of a message, if there is room for it. `arrows` is the area of all arrows. */
  draw(number: number, message: Message, viewport: Viewport, occupied: OccupancyGrid, arrows: OccupancyGrid): void {
    const arrow = arrowOf(message, viewport)
    const direction = directionOf(arrow, message.from === message.to)
    const room = direction.isSteep ? viewport.laneWidth - 46 : Math.hypot(arrow.x1 - arrow.x0, arrow.y1 - arrow.y0) - 30
    const letters = Math.floor(Math.min(room, maximumWidth) / letterWidth)
    const text = this.textOf(message, letters, viewport.view.hidden)
    if (text === undefined) return
    const half = (lettersOf(text) * letterWidth) / 2
    if (half < letterWidth) return
    const angle = direction.isSteep ? 0 : direction.slope
    const place = this.findPlace(this.placesOf(arrow, direction, half, viewport), {
      boxesAt: (place) => boxesAlong(place, angle, half, number),
      viewport,
      occupied,
      arrows,
    })
    if (place === undefined) return
    const { x, y } = place
    const transform = `translate(${px(x)} ${px(y)})${angle === 0 ? "" : ` rotate(${px((angle * 180) / Math.PI)})`}`
    const colour = messageColourOf(this.model, message, viewport.view.hidden)
    const style = `label ${colour}${highlightClass(viewport.view, message.end ?? message.sent)}`
    this.layers.labels.put(`m${number}`, "text", { class: style, transform, "text-anchor": "middle" }, text)
  }

  /** Returns the first visible message, shortened to `letters`, and the number of the other visible messages. */
  private textOf(message: Message, letters: number, hidden: ReadonlySet<string>): Text | undefined {
    const sent = this.model.trace.events[message.sent]
    if (sent?._tag !== "Sent" || sent.messages === undefined) return undefined
    const visible = sent.messages.filter(({ kind }) => !hidden.has(kindFilter(kind)))
    const [first] = visible
    if (first === undefined || letters < 3) return undefined
    const more = visible.length > 1 ? ` +${visible.length - 1}` : ""
    const kind = clip(first.kind, letters - more.length)
    if (kind.length < Math.min(6, first.kind.length)) return undefined
    // Many texts begin with their kind, which the label already has.
    const text = first.text.startsWith(first.kind) ? first.text.slice(first.kind.length).trimStart() : first.text
    const rest = letters - kind.length - more.length - 1
    return [
      ["kind", kind],
      ["text", `${rest >= 4 && text !== "" ? ` ${clip(text, rest)}` : ""}${more}`],
    ]
  }

  private placesOf(arrow: Arrow, direction: Direction, half: number, viewport: Viewport): ReadonlyArray<Place> {
    const { isLoop, isSteep, slope } = direction
    return parts.flatMap((part) =>
      sidesOf(direction).map((side) => {
        const { x, y } = pointOn(arrow, part)
        if (isLoop) return { side, x: arrow.x0 + viewport.laneWidth * 0.36 + half, y: y + 3.5 }
        if (isSteep) return { side, x: x + side * (half + 8), y: y + 3.5 }
        const distance = side > 0 ? 4.5 : -11.5
        return { side, x: x + Math.sin(slope) * distance, y: y - Math.cos(slope) * distance }
      }),
    )
  }

  /**
   * Finds a free place and occupies it. Prefers places that cover no other arrow. If there is none, tries only the
   * first side of the arrow, because a label on the other side would seem to belong to another arrow.
   */
  private findPlace(
    places: ReadonlyArray<Place>,
    {
      arrows,
      boxesAt,
      occupied,
      viewport,
    }: {
      readonly boxesAt: (place: Place) => ReadonlyArray<Box>
      readonly viewport: Viewport
      readonly occupied: OccupancyGrid
      readonly arrows: OccupancyGrid
    },
  ): Place | undefined {
    const { height, width } = viewport.view
    const isFree = (box: Box) => box.left > axisWidth && box.right < width && occupied.isFree(box)
    for (const avoidsArrows of [true, false]) {
      for (const place of places) {
        if (!avoidsArrows && place.side !== places[0]?.side) continue
        if (place.y < headHeight + 10 || place.y > height - 3) continue
        const boxes = boxesAt(place)
        if (!boxes.every((box) => isFree(box) && (!avoidsArrows || arrows.isFree(box)))) continue
        for (const box of boxes) occupied.occupy(box)
        return place
      }
    }
    return undefined
  }
}
