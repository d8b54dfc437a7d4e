import type { Message } from "../model/messages.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { type Arrow, arrowOf, arrowPathOf, messageColourOf, pointOn } from "./arrow.ts"
import type { EventTargets } from "./EventTargets.ts"
import { highlightClass } from "./highlight.ts"
import { arrowhead, icons, tailOf } from "./icons.ts"
import type { DiagramLayers } from "./layers.ts"
import type { OccupancyGrid } from "./OccupancyGrid.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Message that is being drawn. */
interface Drawing {
  readonly number: number
  readonly message: Message
  readonly arrow: Arrow
  readonly colour: string
  readonly viewport: Viewport
  readonly occupied: OccupancyGrid
}

/** Position of the first loss on its arrow, and distance between losses. */
const firstLoss = 0.2
const lossSpacing = 0.12

const outcomeClassOf = ({ arrived, end }: Message): string =>
  arrived ? "arrived" : end === undefined ? "flying" : "dropped"

/** Renderer of single messages: the arrow, its two ends, and the losses on it. */
export class MessageRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers
  private readonly targets: EventTargets

  constructor(model: TraceModel, layers: DiagramLayers, targets: EventTargets) {
    this.model = model
    this.layers = layers
    this.targets = targets
  }

  draw(number: number, message: Message, viewport: Viewport, occupied: OccupancyGrid): void {
    const arrow = arrowOf(message, viewport)
    const colour = messageColourOf(this.model, message, viewport.view.hidden)
    const drawing: Drawing = { number, message, arrow, colour, viewport, occupied }
    this.drawLine(drawing)
    this.drawTail(drawing)
    this.drawEnd(drawing)
    for (const [order, event] of message.losses.entries()) this.drawLoss(drawing, order, event)
  }

  private drawLine({ colour, message, number, viewport }: Drawing): void {
    const last = message.end ?? message.sent
    const highlight = highlightClass(viewport.view, last)
    const d = arrowPathOf(message, viewport)
    this.layers.lines.put(`m${number}`, "path", {
      class: `message ${outcomeClassOf(message)} ${colour}${highlight}`,
      d,
      "data-sent": message.sent,
    })
    this.layers.hitLines.put(`m${number}`, "path", { class: "touch", d, "data-event": last })
  }

  private drawTail({ arrow: { x0, y0 }, colour, message, number, occupied, viewport }: Drawing): void {
    const { view } = viewport
    this.layers.marks.put(`tail ${number}`, "path", {
      class: `tail ${colour}${highlightClass(view, message.sent)}`,
      d: tailOf(this.model.slotOf(this.model.visibleKindOf(message, view.hidden))),
      transform: `translate(${px(x0)} ${px(y0)})`,
    })
    occupied.occupy({ left: x0 - 5, right: x0 + 5, top: y0 - 5, bottom: y0 + 5 })
    this.targets.put(message.sent, x0, y0, 7, viewport)
  }

  private drawEnd(drawing: Drawing): void {
    const { arrow, colour, message, number, viewport } = drawing
    if (message.end === undefined) {
      const transform = `translate(${px(arrow.x1)} ${px(arrow.y1)})`
      const style = `open ${colour}${highlightClass(viewport.view, message.sent)}`
      this.layers.marks.put(`open ${number}`, "circle", { class: style, r: 2.6, transform })
    } else if (message.arrived) {
      this.drawHead(drawing, message.end)
    } else {
      this.drawCross(drawing, message.end)
    }
  }

  private drawHead({ arrow, colour, message, number, viewport }: Drawing, end: number): void {
    const { x0, x1, y0, y1 } = arrow
    const angle = message.from === message.to ? 180 : (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI
    this.layers.marks.put(`head ${number}`, "path", {
      class: `arrowhead ${colour}${highlightClass(viewport.view, end)}`,
      d: arrowhead,
      transform: `translate(${px(x1)} ${px(y1)}) rotate(${px(angle)})`,
    })
    // The target is around the middle of the head, 4 pixels before the end.
    const length = Math.hypot(x1 - x0, y1 - y0) || 1
    this.targets.put(end, x1 - ((x1 - x0) / length) * 4, y1 - ((y1 - y0) / length) * 4, 7, viewport)
  }

  private drawCross({ arrow: { x1, y1 }, number, occupied, viewport }: Drawing, end: number): void {
    this.layers.marks.put(`cross ${number}`, "path", {
      class: `cross${highlightClass(viewport.view, end)}`,
      d: icons["cross"],
      transform: `translate(${px(x1)} ${px(y1)})`,
    })
    occupied.occupy({ left: x1 - 7, right: x1 + 7, top: y1 - 7, bottom: y1 + 7 })
    this.targets.put(end, x1, y1, 9, viewport)
  }

  /** Draws a loss near the sender, which sends the segment again. Several losses are drawn next to each other. */
  private drawLoss({ arrow, colour, occupied, viewport }: Drawing, order: number, event: number): void {
    const lost = this.model.trace.events[event]
    if (lost?._tag !== "Lost") return
    const { x, y } = pointOn(arrow, firstLoss + order * lossSpacing)
    const transform = `translate(${px(x)} ${px(y)})`
    const style = `${colour}${highlightClass(viewport.view, event)}`
    const { marks } = this.layers
    marks.put(`lost ${event} disc`, "circle", { class: `badge lost ${style}`, r: 7.5, transform })
    marks.put(`lost ${event}`, "path", { class: `glyph lost ${style}`, d: icons["again"], transform })
    const hasTimes = lost.times > 1
    if (hasTimes) {
      const position = { x: px(x + 9.5), y: px(y - 4) }
      marks.put(`lost ${event} times`, "text", { class: `times ${style}`, ...position }, `×${lost.times}`)
    }
    occupied.occupy({ left: x - 9, right: x + (hasTimes ? 26 : 9), top: y - 12, bottom: y + 9 })
    this.targets.put(event, x, y, 9, viewport)
  }
}
