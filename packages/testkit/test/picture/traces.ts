/**
 * Events and traces for the tests of the picture.
 */
import type { Event, Trace } from "@coterie/testkit/Trace"
import { sampleTrace } from "../sampleTrace.ts"

/** Returns a trace of events on some nodes. */
export const traceOf = (events: ReadonlyArray<Event>, nodes: ReadonlyArray<string> = ["a", "b", "c"]): Trace => ({
  scenario: "test",
  seed: 1,
  nodes,
  skipped: 0,
  events,
})

/** Returns a send of messages of some kinds. */
export const sent = (at: number, id: number, from: string, to: string, ...kinds: ReadonlyArray<string>): Event => ({
  _tag: "Sent",
  at,
  id,
  connection: 1,
  from,
  to,
  size: 10,
  ...(kinds.length === 0 ? {} : { messages: kinds.map((kind) => ({ kind, text: kind })) }),
})
export const arrived = (at: number, id: number): Event => ({ _tag: "Arrived", at, id })
export const log = (at: number, node: string): Event => ({ _tag: "Note", at, node, kind: "log", text: "x" })
export const node = (at: number, node: string, state: Extract<Event, { _tag: "Node" }>["state"]): Event => ({
  _tag: "Node",
  at,
  node,
  state,
  life: 1,
})
/** Returns a change of a partition of the first node from the others. */
export const fault = (at: number, fault: number, state: "began" | "over", nodes: ReadonlyArray<string>): Event => ({
  _tag: "Fault",
  at,
  fault,
  kind: "partition",
  state,
  nodes,
  cut: { from: nodes.slice(0, 1), to: nodes.slice(1), oneWay: false },
  text: `fault ${fault}`,
})

/** Traces of different sizes, one of them without its beginning. */
export const samples = {
  small: sampleTrace(),
  cut: sampleTrace({ limit: 100 }),
  large: sampleTrace({ nodes: ["a", "b", "c", "d", "e", "f"], seconds: 60 }),
  empty: traceOf([]),
}
