/**
 * Look and text of the marks of events. Events of messages have no mark of their own.
 */
import type { Event } from "../../../Trace.ts"
import { isCut } from "../model/faultSpans.ts"

export interface MarkStyle {
  /** Name in `icons`. */
  readonly icon: string
  readonly className: string
  /** `true` if the icon is on a disc. */
  readonly hasDisc: boolean
}

/** Returns the look of the mark of an event, or `undefined` for an event of a message. */
export const markStyleOf = (event: Event): MarkStyle | undefined => {
  switch (event._tag) {
    case "Node":
      return { icon: event.state, className: `node ${event.state}`, hasDisc: true }
    case "Connection":
      return { icon: event.state, className: `connection ${event.state}`, hasDisc: false }
    case "Fault":
      return { icon: event.state, className: `fault ${event.state}`, hasDisc: true }
    case "Note":
      return { icon: event.kind, className: `note ${event.kind}`, hasDisc: event.kind !== "log" }
    case "Failed":
      return { icon: "failed", className: "failed", hasDisc: true }
    default:
      return undefined
  }
}

/** Returns the text beside a mark. It does not repeat the name of the node, which is above the lane. */
export const markTextOf = (event: Event): string => {
  switch (event._tag) {
    case "Node":
      return event.text === undefined ? event.state : `${event.state}: ${event.text}`
    case "Note":
    case "Failed":
      return event.text
    case "Fault":
      // The shade of a cut shows the text of the fault.
      return event.state === "began" && !isCut(event.kind) ? event.text : ""
    default:
      return ""
  }
}

/** Returns the priority of the label of a mark. Labels with lower numbers are placed first. */
export const markPriorityOf = (event: Event): number => {
  if (event._tag === "Failed") return 0
  if (event._tag === "Note" && event.kind !== "log") return 1
  return event._tag === "Node" ? 2 : 3
}
