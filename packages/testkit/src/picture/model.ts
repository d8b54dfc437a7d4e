/**
 * What the page knows of a trace, computed once: the geometry, which kinds of messages there are and how each looks, and
 * what there is to say about an event.
 *
 * Everything is inside of one function without imports, because the page gets its text: see `html.ts`.
 */
import type { Event, Trace } from "../Trace.ts"
import type { Geometry, Heights, Links, Message, Shade, Span } from "./geometry.ts"
import type { Words } from "./words.ts"

/** What can be hidden as one. Messages are hidden by their kind. */
export type Group = "connections" | "notes" | "logs" | "faults"

/** A kind of message. */
export interface Kind {
  readonly kind: string
  readonly label: string
  readonly count: number
  /** Which colour and which shape, counted from 0. */
  readonly slot: number
}

/** What there is to say about an event. */
export interface Details {
  readonly heading: string
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>
  readonly messages: ReadonlyArray<{ readonly kind: string; readonly text: string }>
}

export interface Model {
  readonly trace: Trace
  readonly links: Links
  readonly heights: Heights
  readonly messages: ReadonlyArray<Message>
  readonly spans: ReadonlyArray<Span>
  readonly shades: ReadonlyArray<Shade>
  /** The message that an event is about. */
  readonly messageOf: ReadonlyMap<number, number>
  /** The most frequent first. */
  readonly kinds: ReadonlyArray<Kind>
  readonly slot: (kind: string) => number
  readonly groups: ReadonlyArray<{ readonly group: Group; readonly count: number }>
  readonly group: (event: Event) => Group | undefined
  /** Whether an event is drawn when some kinds and groups are hidden. */
  readonly shown: (index: number, hidden: ReadonlySet<string>) => boolean
  /** What a kind is called among what is hidden, so that it cannot be taken for a group. */
  readonly hideKind: (kind: string) => string
  readonly tell: (index: number) => string
  readonly details: (index: number) => Details
  readonly past: (index: number) => ReadonlyArray<boolean>
  /** The events to go through by keyboard: per lane, and first those that belong to no lane. */
  readonly columns: ReadonlyArray<ReadonlyArray<number>>
  /** The failure, if there is one. */
  readonly failed: number | undefined
}

export const model = (trace: Trace, geometry: Geometry, words: Words): Model => {
  const { events } = trace
  const links = geometry.link(trace)
  const heights = geometry.heights(events, links)
  const messages = geometry.messages(events, links)
  const spans = geometry.spans(trace, links, heights)
  const shades = geometry.shades(events, links, heights)

  const messageOf = new Map<number, number>()
  const counts = new Map<string, number>()
  for (const [index, { end, kinds, lost, sent }] of messages.entries()) {
    for (const event of [sent, ...(end === undefined ? [] : [end]), ...lost]) messageOf.set(event, index)
    for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const kinds = [...counts]
    // What could not be decoded comes last, however much it is.
    .sort(([a, m], [b, n]) => Number(a === "") - Number(b === "") || n - m || (a < b ? -1 : 1))
    .map(([kind, count], slot): Kind => ({ kind, count, slot, label: kind === "" ? "other bytes" : kind }))
  const slots = new Map(kinds.map(({ kind, slot }) => [kind, slot] as const))
  const slot: Model["slot"] = (kind) => slots.get(kind) ?? 0
  const hideKind: Model["hideKind"] = (kind) => `kind ${kind}`

  const group: Model["group"] = (event) => {
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
  const sizes = new Map<Group, number>()
  for (const event of events) {
    const one = group(event)
    if (one !== undefined) sizes.set(one, (sizes.get(one) ?? 0) + 1)
  }
  const every: ReadonlyArray<Group> = ["faults", "notes", "logs", "connections"]
  const groups = every.flatMap((group) => {
    const count = sizes.get(group)
    return count === undefined ? [] : [{ group, count }]
  })

  const shown: Model["shown"] = (index, hidden) => {
    const event = events[index]
    if (event === undefined || links.lane[index] === geometry.nowhere) return false
    const message = messages[messageOf.get(index) ?? -1]
    if (message !== undefined) return message.kinds.some((kind) => !hidden.has(hideKind(kind)))
    const one = group(event)
    return one === undefined || !hidden.has(one)
  }

  const sentOf = (index: number): Extract<Event, { readonly _tag: "Sent" }> | undefined => {
    const event = events[messages[messageOf.get(index) ?? -1]?.sent ?? -1]
    return event?._tag === "Sent" ? event : undefined
  }

  const tell: Model["tell"] = (index) => {
    const event = events[index]
    return event === undefined ? "" : words.event(event, sentOf(index))
  }

  const details: Model["details"] = (index) => {
    const event = events[index]
    if (event === undefined) return { heading: "", facts: [], messages: [] }
    const message = messages[messageOf.get(index) ?? -1]
    const sent = sentOf(index)
    if (message === undefined || sent === undefined) {
      const facts: Array<readonly [string, string]> = [["at", words.moment(event.at)]]
      if (event._tag === "Node") facts.push(["life", String(event.life)])
      if (event._tag === "Connection") facts.push(["connection", String(event.connection)])
      return { heading: tell(index), facts, messages: [] }
    }
    const end = message.end === undefined ? undefined : events[message.end]
    const facts: Array<readonly [string, string]> = [["sent", words.moment(sent.at)]]
    for (const one of message.lost) {
      const lost = events[one]
      if (lost?._tag === "Lost")
        facts.push(["lost", lost.times === 1 ? "once, and sent again" : `${lost.times} times, and sent again`])
    }
    if (end === undefined) facts.push(["arrived", "not yet, when the trace ends"])
    else if (end._tag === "Dropped") facts.push(["dropped", `${words.moment(end.at)}: ${end.why}`])
    else facts.push(["arrived", `${words.moment(end.at)}, after ${words.duration(end.at - sent.at)}`])
    facts.push(["size", words.size(sent.size)], ["connection", String(sent.connection)])
    return { heading: `${sent.from} → ${sent.to}`, facts, messages: sent.messages ?? [] }
  }

  const columns: Array<Array<number>> = [[], ...links.lanes.map((): Array<number> => [])]
  for (const index of events.keys()) {
    const lane = links.lane[index] ?? geometry.nowhere
    const home = lane === geometry.underway ? messages[messageOf.get(index) ?? -1]?.from : lane
    if (home !== undefined) columns[home + 1]?.push(index)
  }

  const last = events.findLastIndex(({ _tag }) => _tag === "Failed")
  return {
    trace,
    links,
    heights,
    messages,
    spans,
    shades,
    messageOf,
    kinds,
    slot,
    groups,
    group,
    shown,
    hideKind,
    tell,
    details,
    past: (index) => geometry.past(links.causes, index),
    columns,
    failed: last < 0 ? undefined : last,
  }
}
