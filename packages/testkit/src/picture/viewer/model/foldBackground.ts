/**
 * Removal of the background traffic of a trace, such as heartbeats. Background traffic shows nothing about the work of
 * the program, and makes almost every event a cause of every other event.
 */
import type { Event, Trace } from "../../../Trace.ts"

type Sent = Extract<Event, { readonly _tag: "Sent" }>

/** Trace without its background traffic. */
export interface FoldedTrace {
  readonly trace: Trace
  /** Index of each event in the whole trace. */
  readonly origins: ReadonlyArray<number>
  /** Kinds of the folded messages, each once. */
  readonly kinds: ReadonlyArray<string>
  /** Number of folded messages. */
  readonly count: number
}

const isBackground = ({ messages = [] }: Sent): boolean =>
  messages.length > 0 && messages.every(({ background }) => background === true)

/** Removes the background messages from a segment that carries other messages, too. */
const withoutBackground = (event: Event): Event =>
  event._tag === "Sent" && event.messages?.some(({ background }) => background === true) === true
    ? { ...event, messages: event.messages.filter(({ background }) => background !== true) }
    : event

/** Folds a trace. Segments that carry only background messages are left out with their outcome. */
export const foldBackground = (trace: Trace): FoldedTrace => {
  const sent = trace.events.filter((event) => event._tag === "Sent")
  const folded = new Set(sent.filter(isBackground).map(({ id }) => id))
  const messages = sent.flatMap(({ messages = [] }) => messages.filter(({ background }) => background === true))
  const origins = [...trace.events.keys()].filter((index) => {
    const event = trace.events[index]
    return event !== undefined && !("id" in event && folded.has(event.id))
  })
  const events = origins.flatMap((index) => {
    const event = trace.events[index]
    return event === undefined ? [] : [withoutBackground(event)]
  })
  return {
    trace: { ...trace, events },
    origins,
    kinds: [...new Set(messages.map(({ kind }) => kind))].sort(),
    count: messages.length,
  }
}
