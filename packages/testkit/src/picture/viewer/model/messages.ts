/**
 * Messages of a trace. A message is a send with its outcome.
 */
import type { Event } from "../../../Trace.ts"
import type { Causality } from "../../causality.ts"
import { unknownLane } from "../../lanes.ts"

/** Send with its outcome. Events are given by their index in the trace. */
export interface Message {
  readonly sent: number
  /** Event in which the message arrived or was dropped, or `undefined` if the trace ends before. */
  readonly end: number | undefined
  readonly arrived: boolean
  readonly losses: ReadonlyArray<number>
  /** Lane of the sender and lane of the receiver. */
  readonly from: number
  readonly to: number
  /**
   * Kinds of the decoded messages, each once. The first visible kind defines the colour. `""` means undecoded bytes.
   */
  readonly kinds: ReadonlyArray<string>
}

/** Collects the messages of a trace in the order of their sends. */
export const messagesOf = (events: ReadonlyArray<Event>, { lanes }: Causality): ReadonlyArray<Message> => {
  const laneOf = new Map(lanes.map((name, lane) => [name, lane] as const))
  const ends = new Map<number, number>()
  const losses = new Map<number, Array<number>>()
  for (const [index, event] of events.entries()) {
    if (event._tag === "Arrived" || event._tag === "Dropped") ends.set(event.id, index)
    if (event._tag !== "Lost") continue
    const earlier = losses.get(event.id)
    if (earlier === undefined) losses.set(event.id, [index])
    else earlier.push(index)
  }
  return events.flatMap((event, sent): ReadonlyArray<Message> => {
    if (event._tag !== "Sent") return []
    const end = ends.get(event.id)
    const kinds = [...new Set((event.messages ?? []).map(({ kind }) => kind))]
    return [
      {
        sent,
        end,
        arrived: end !== undefined && events[end]?._tag === "Arrived",
        losses: losses.get(event.id) ?? [],
        from: laneOf.get(event.from) ?? unknownLane,
        to: laneOf.get(event.to) ?? unknownLane,
        kinds: kinds.length === 0 ? [""] : kinds,
      },
    ]
  })
}
