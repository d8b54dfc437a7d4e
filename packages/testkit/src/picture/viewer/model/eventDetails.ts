/**
 * Details of an event, for the tooltip and the panel of the selection.
 */
import type { Event } from "../../../Trace.ts"
import { describeEvent, formatDuration, formatSize, formatTime } from "../../format.ts"
import type { Message } from "./messages.ts"

type Fact = readonly [name: string, value: string]
type Sent = Extract<Event, { readonly _tag: "Sent" }>

export interface EventDetails {
  readonly heading: string
  readonly facts: ReadonlyArray<Fact>
  /** Decoded messages, for an event of a message. */
  readonly messages: ReadonlyArray<{ readonly kind: string; readonly text: string }>
}

/** Returns the details of an event that does not belong to a message of the trace. */
export const eventDetailsOf = (event: Event): EventDetails => {
  const facts: Array<Fact> = [["at", formatTime(event.at)]]
  if (event._tag === "Node") facts.push(["life", String(event.life)])
  if (event._tag === "Connection") facts.push(["connection", String(event.connection)])
  return { heading: describeEvent(event, undefined), facts, messages: [] }
}

const outcomeOf = (sent: Sent, end: Event | undefined): Fact => {
  if (end === undefined) return ["arrived", "not before the end of the trace"]
  if (end._tag === "Dropped") return ["dropped", `${formatTime(end.at)}: ${end.why}`]
  return ["arrived", `${formatTime(end.at)}, after ${formatDuration(end.at - sent.at)}`]
}

/** Returns the details of a message, which are the details of each of its events. */
export const messageDetailsOf = (message: Message, sent: Sent, events: ReadonlyArray<Event>): EventDetails => {
  const facts: Array<Fact> = [["sent", formatTime(sent.at)]]
  for (const index of message.losses) {
    const lost = events[index]
    if (lost?._tag !== "Lost") continue
    facts.push(["lost", lost.times === 1 ? "once, and sent again" : `${lost.times} times, and sent again`])
  }
  facts.push(outcomeOf(sent, message.end === undefined ? undefined : events[message.end]))
  facts.push(["size", formatSize(sent.size)], ["connection", String(sent.connection)])
  return { heading: `${sent.from} → ${sent.to}`, facts, messages: sent.messages ?? [] }
}
