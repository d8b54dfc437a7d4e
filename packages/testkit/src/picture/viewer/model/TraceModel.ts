/**
 * Immutable model of a trace, computed once when the page opens: layout, messages, states, faults, filters, and the
 * order of events for the keyboard.
 */
import type { Event, Trace } from "../../../Trace.ts"
import { type Causality, causalityOf, causalPast } from "../../causality.ts"
import { describeEvent } from "../../format.ts"
import { inTransit, unknownLane } from "../../lanes.ts"
import { type EventDetails, eventDetailsOf, messageDetailsOf } from "./eventDetails.ts"
import { type FaultSpan, faultSpansOf } from "./faultSpans.ts"
import { landmarksOf } from "./landmarks.ts"
import { type Message, messagesOf } from "./messages.ts"
import { nodeStatesOf, type StateSpan } from "./nodeStates.ts"
import { type Timeline, timelineOf } from "./timeline.ts"

/** Group of events with one filter. Messages are filtered by their kind. */
export type EventGroup = "connections" | "notes" | "logs" | "faults"

/** Kind of messages in this trace. */
export interface MessageKind {
  readonly kind: string
  readonly label: string
  readonly count: number
  /** Number of its colour and shape, counted from 0. */
  readonly slot: number
}

/** Number of events in a group. */
export interface GroupCount {
  readonly group: EventGroup
  readonly count: number
}

const groupOrder: ReadonlyArray<EventGroup> = ["faults", "notes", "logs", "connections"]

const groupOf = (event: Event): EventGroup | undefined => {
  switch (event._tag) {
    case "Connection":
      return "connections"
    case "Fault":
      return "faults"
    case "Note":
      return event.kind === "log" ? "logs" : "notes"
    default:
      return undefined
  }
}

/** Returns the name of the filter of a kind of messages. The prefix distinguishes it from the name of a group. */
export const kindFilter = (kind: string): string => `kind ${kind}`

const backgroundKindsOf = (events: ReadonlyArray<Event>): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) =>
      event._tag === "Sent"
        ? (event.messages ?? []).filter(({ background }) => background === true).map(({ kind }) => kind)
        : [],
    ),
  )

/** Counts the kinds of messages, the most frequent first. */
const kindsOf = (messages: ReadonlyArray<Message>, events: ReadonlyArray<Event>): ReadonlyArray<MessageKind> => {
  const counts = new Map<string, number>()
  for (const { kinds } of messages) for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const background = backgroundKindsOf(events)
  /**
   * Returns the rank of a kind: background traffic and then undecoded bytes come last, so that other kinds keep their
   * colours.
   */
  const rankOf = (kind: string): number => (kind === "" ? 2 : background.has(kind) ? 1 : 0)
  return [...counts]
    .sort(([a, m], [b, n]) => rankOf(a) - rankOf(b) || n - m || (a < b ? -1 : 1))
    .map(([kind, count], slot) => ({ kind, count, slot, label: kind === "" ? "other bytes" : kind }))
}

const groupsOf = (events: ReadonlyArray<Event>): ReadonlyArray<GroupCount> =>
  groupOrder.flatMap((group) => {
    const { length } = events.filter((event) => groupOf(event) === group)
    return length === 0 ? [] : [{ group, count: length }]
  })

/** Maps each event of a message to that message. */
const indexMessages = (messages: ReadonlyArray<Message>): ReadonlyMap<number, Message> => {
  const index = new Map<number, Message>()
  for (const message of messages) {
    index.set(message.sent, message)
    if (message.end !== undefined) index.set(message.end, message)
    for (const lost of message.losses) index.set(lost, message)
  }
  return index
}

export class TraceModel {
  readonly trace: Trace
  readonly causality: Causality
  readonly timeline: Timeline
  readonly messages: ReadonlyArray<Message>
  readonly nodeStates: ReadonlyArray<StateSpan>
  readonly faults: ReadonlyArray<FaultSpan>
  readonly kinds: ReadonlyArray<MessageKind>
  readonly groups: ReadonlyArray<GroupCount>
  /** Notes, faults and failures, in the order of time. */
  readonly landmarks: ReadonlyArray<number>
  /** Events in the order of the keyboard: first the events without a node, then one list for each lane. */
  readonly columns: ReadonlyArray<ReadonlyArray<number>>
  /** Last failure, or `undefined` if nothing failed. */
  readonly failure: number | undefined
  private readonly messageByEvent: ReadonlyMap<number, Message>
  private readonly slots: ReadonlyMap<string, number>

  constructor(trace: Trace) {
    const { events } = trace
    this.trace = trace
    this.causality = causalityOf(trace)
    this.timeline = timelineOf(events, this.causality)
    this.messages = messagesOf(events, this.causality)
    this.nodeStates = nodeStatesOf(trace, this.causality, this.timeline)
    this.faults = faultSpansOf(events, this.causality, this.timeline)
    this.kinds = kindsOf(this.messages, events)
    this.groups = groupsOf(events)
    this.landmarks = landmarksOf(events)
    this.messageByEvent = indexMessages(this.messages)
    this.slots = new Map(this.kinds.map(({ kind, slot }) => [kind, slot] as const))
    this.columns = this.collectColumns()
    const last = events.findLastIndex(({ _tag }) => _tag === "Failed")
    this.failure = last < 0 ? undefined : last
  }

  /** Returns the message of an event. */
  messageOf(event: number): Message | undefined {
    return this.messageByEvent.get(event)
  }

  /** Returns the number of the colour and shape of a kind. */
  slotOf(kind: string): number {
    return this.slots.get(kind) ?? 0
  }

  /** Returns the kind that defines the look of a message: its first visible kind. */
  visibleKindOf({ kinds }: Message, hidden: ReadonlySet<string>): string {
    return kinds.find((kind) => !hidden.has(kindFilter(kind))) ?? ""
  }

  /** Returns `true` if an event is drawn while the filters in `hidden` are off. */
  isVisible(index: number, hidden: ReadonlySet<string>): boolean {
    const event = this.trace.events[index]
    if (event === undefined || this.causality.laneOf[index] === unknownLane) return false
    const message = this.messageOf(index)
    if (message !== undefined) return message.kinds.some((kind) => !hidden.has(kindFilter(kind)))
    const group = groupOf(event)
    return group === undefined || !hidden.has(group)
  }

  /** Describes an event in one line. */
  describe(index: number): string {
    const event = this.trace.events[index]
    return event === undefined ? "" : describeEvent(event, this.sentOf(index))
  }

  /** Returns the details of an event. */
  details(index: number): EventDetails {
    const { events } = this.trace
    const event = events[index]
    if (event === undefined) return { heading: "", facts: [], messages: [] }
    const message = this.messageOf(index)
    const sent = this.sentOf(index)
    return message === undefined || sent === undefined ? eventDetailsOf(event) : messageDetailsOf(message, sent, events)
  }

  /** Marks the events that could have influenced an event. */
  causalPastOf(event: number): ReadonlyArray<boolean> {
    return causalPast(this.causality.causes, event)
  }

  private sentOf(index: number): Extract<Event, { readonly _tag: "Sent" }> | undefined {
    const event = this.trace.events[this.messageOf(index)?.sent ?? -1]
    return event?._tag === "Sent" ? event : undefined
  }

  /** Returns the column of an event. Events in transit belong to the column of the sender. */
  private collectColumns(): ReadonlyArray<ReadonlyArray<number>> {
    const { laneOf, lanes } = this.causality
    const columns: Array<Array<number>> = [[], ...lanes.map((): Array<number> => [])]
    for (const index of this.trace.events.keys()) {
      const lane = laneOf[index] ?? unknownLane
      const home = lane === inTransit ? this.messageOf(index)?.from : lane
      if (home !== undefined) columns[home + 1]?.push(index)
    }
    return columns
  }
}
