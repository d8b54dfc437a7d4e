/**
 * Geometry, visibility and colour of the arrows of messages.
 */
import type { Message } from "../model/messages.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { colourClassOf } from "./icons.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Ends of an arrow in pixels. */
export interface Arrow {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

/** Number of rows below a send that the arrow of a message in transit needs. */
const inTransitRows = 4

/** Computes the arrow of a message. The arrow of a message that did not arrive ends before the receiver. */
export const arrowOf = ({ arrived, end, from, sent, to }: Message, viewport: Viewport): Arrow => {
  const x0 = viewport.x(from)
  const y0 = viewport.yOf(sent)
  const x1 = viewport.x(to)
  if (end !== undefined) {
    return { x0, y0, x1: arrived ? x1 : x0 + (x1 - x0) * 0.55, y1: viewport.yOf(end) }
  }
  // The message is in transit when the trace ends: the arrow points to the receiver and has no end.
  const y1 = Math.max(y0 + 14, Math.min(viewport.endY(), y0 + 40))
  return { x0, y0, x1: x0 + (x1 - x0) * 0.35, y1 }
}

/** Returns the point at a part of an arrow, from 0 at its beginning to 1 at its end. */
export const pointOn = ({ x0, x1, y0, y1 }: Arrow, part: number): { readonly x: number; readonly y: number } => ({
  x: x0 + (x1 - x0) * part,
  y: y0 + (y1 - y0) * part,
})

/** Returns the path of a message: a line between two lanes, or a loop for a message of a node to itself. */
export const arrowPathOf = (message: Message, viewport: Viewport): string => {
  const { x0, x1, y0, y1 } = arrowOf(message, viewport)
  if (message.from !== message.to) return `M${px(x0)} ${px(y0)}L${px(x1)} ${px(y1)}`
  const out = x0 + Math.min(46, viewport.laneWidth * 0.4)
  return `M${px(x0)} ${px(y0)}C${px(out)} ${px(y0)} ${px(out)} ${px(y1)} ${px(x1)} ${px(y1)}`
}

/** Returns `true` if the arrow of a message is in the view, at least in part. */
export const isArrowInView = ({ end, sent }: Message, viewport: Viewport): boolean => {
  const top = viewport.rowOf(sent)
  return viewport.overlaps(top, end === undefined ? top + inTransitRows : viewport.rowOf(end))
}

/** Lists the messages in the view that no filter hides, with their numbers. */
export const visibleMessages = (
  model: TraceModel,
  viewport: Viewport,
): ReadonlyArray<readonly [number: number, message: Message]> =>
  [...model.messages.entries()].filter(
    ([, message]) => isArrowInView(message, viewport) && model.isVisible(message.sent, viewport.view.hidden),
  )

/** Returns the class that colours a message. */
export const messageColourOf = (model: TraceModel, message: Message, hidden: ReadonlySet<string>): string => {
  const kind = model.visibleKindOf(message, hidden)
  return colourClassOf(kind, model.slotOf(kind))
}
