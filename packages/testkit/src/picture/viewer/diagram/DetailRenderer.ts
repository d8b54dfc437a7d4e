import type { Event } from "../../../Trace.ts"
import type { Message } from "../model/messages.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { arrowOf, visibleMessages } from "./arrow.ts"
import { DialRenderer } from "./DialRenderer.ts"
import { markPriorityOf, markStyleOf } from "./eventMark.ts"
import type { EventTargets } from "./EventTargets.ts"
import { headHeight } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import { MarkLabels } from "./MarkLabels.ts"
import { MarkRenderer } from "./MarkRenderer.ts"
import { MessageLabels } from "./MessageLabels.ts"
import { MessageRenderer } from "./MessageRenderer.ts"
import { OccupancyGrid } from "./OccupancyGrid.ts"
import type { Viewport } from "./Viewport.ts"

/** Pixels between two boxes that approximate an arrow. */
const arrowStep = 8

/** Priority from which labels of marks are placed after the labels of messages. */
const afterMessages = 3

/** Computes the area that arrows cover. The owner of each box is the number of its message. */
const areaOf = (arrows: ReadonlyArray<readonly [number, Message]>, viewport: Viewport): OccupancyGrid => {
  const area = new OccupancyGrid()
  for (const [owner, message] of arrows) {
    const { x0, x1, y0, y1 } = arrowOf(message, viewport)
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / arrowStep)
    for (let step = 0; step <= steps; step++) {
      const y = y0 + ((y1 - y0) * step) / steps
      if (y < headHeight || y > viewport.view.height) continue
      const x = x0 + ((x1 - x0) * step) / steps
      area.occupy({ left: x - 1, right: x + 1, top: y - 1, bottom: y + 1, owner })
    }
  }
  return area
}

/** Renderer of single events: marks, messages and their labels. */
export class DetailRenderer {
  private readonly model: TraceModel
  private readonly marks: MarkRenderer
  private readonly markLabels: MarkLabels
  private readonly messages: MessageRenderer
  private readonly messageLabels: MessageLabels
  private readonly dials: DialRenderer

  constructor(model: TraceModel, layers: DiagramLayers, targets: EventTargets) {
    this.model = model
    this.marks = new MarkRenderer(model, layers, targets)
    this.markLabels = new MarkLabels(model, layers)
    this.messages = new MessageRenderer(model, layers, targets)
    this.messageLabels = new MessageLabels(model, layers)
    this.dials = new DialRenderer(model, layers)
  }

  /** Draws the events of the view: all marks and arrows first, so that labels do not cover them. */
  draw(events: ReadonlyArray<number>, viewport: Viewport, occupied: OccupancyGrid): void {
    const visible = events.flatMap((index): ReadonlyArray<readonly [number, Event]> => {
      const event = this.model.trace.events[index]
      return event === undefined || !this.model.isVisible(index, viewport.view.hidden) ? [] : [[index, event]]
    })
    const messages = visibleMessages(this.model, viewport)
    for (const [index, event] of visible) this.marks.draw(index, event, viewport, occupied)
    for (const [number, message] of messages) this.messages.draw(number, message, viewport, occupied)

    const arrows = areaOf(messages, viewport)
    const marked = visible
      .filter(([, event]) => markStyleOf(event) !== undefined)
      .sort(([, a], [, b]) => markPriorityOf(a) - markPriorityOf(b))
    const labelMarks = (labels: ReadonlyArray<readonly [number, Event]>): void => {
      for (const [index, event] of labels) this.markLabels.draw(index, event, viewport, occupied, arrows)
    }
    labelMarks(marked.filter(([, event]) => markPriorityOf(event) < afterMessages))
    for (const [number, message] of messages) {
      this.messageLabels.draw(number, message, viewport, occupied, arrows)
    }
    labelMarks(marked.filter(([, event]) => markPriorityOf(event) >= afterMessages))
    this.dials.draw(viewport)
  }
}
