/**
 * What happened in a simulation, event by event, in the order of virtual time: kept as lines of JSON, and drawn as a
 * page of HTML or by ShiViz.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { html } from "./picture/html.ts"
import { shiviz } from "./picture/shiviz.ts"
import { SimulationError } from "./SimulationError.ts"

const at = Schema.Int
const node = Schema.String

/** Something that happened to a node. */
export const NodeEvent = Schema.TaggedStruct("Node", {
  at,
  node,
  /** `starting` until its layer is built, then `running`. */
  state: Schema.Literals([
    "starting",
    "running",
    "crashed",
    "stopping",
    "stopped",
    "died",
    "paused",
    "resumed",
    "slow",
    "clock",
  ]),
  /** Counted from 1; another one after each start. */
  life: Schema.Int,
  text: Schema.optionalKey(Schema.String),
})

/** What the trace says of a node. */
export type NodeState = (typeof NodeEvent.Type)["state"]

/** Bytes that a node sent. What they mean is told by the scenario, if it can tell. */
export const Sent = Schema.TaggedStruct("Sent", {
  at,
  /** Counted from 1. */
  id: Schema.Int,
  connection: Schema.Int,
  from: node,
  to: node,
  size: Schema.Int,
  /** The messages that begin in these bytes, decoded: a short kind, which picks the colour, and what to show. */
  messages: Schema.optionalKey(Schema.Array(Schema.Struct({ kind: Schema.String, text: Schema.String }))),
})

/** They arrived at the other host. */
export const Arrived = Schema.TaggedStruct("Arrived", { at, id: Schema.Int })

/** They were lost so many times, and sent again. */
export const Lost = Schema.TaggedStruct("Lost", { at, id: Schema.Int, times: Schema.Int })

/** They never arrive. */
export const Dropped = Schema.TaggedStruct("Dropped", { at, id: Schema.Int, why: Schema.String })

/** A connection was dialed, accepted, or ended at one side. */
export const ConnectionEvent = Schema.TaggedStruct("Connection", {
  at,
  connection: Schema.Int,
  from: node,
  to: node,
  state: Schema.Literals(["dialed", "accepted", "end", "reset", "refused", "vanished"]),
  /** The side where it ended. */
  by: Schema.optionalKey(node),
})

/** A fault began or was over. */
export const FaultEvent = Schema.TaggedStruct("Fault", {
  at,
  /** Its place in the plan, or a negative number for what the scenario did by hand. */
  fault: Schema.Int,
  kind: Schema.String,
  state: Schema.Literals(["began", "over"]),
  nodes: Schema.Array(node),
  /** What it keeps apart: nothing passes between the two sides, or from the first to the second. */
  cut: Schema.optionalKey(Schema.Struct({ from: Schema.Array(node), to: Schema.Array(node), oneWay: Schema.Boolean })),
  /** The fault as a sentence. */
  text: Schema.String,
})

/** What the scenario, or the program of a node through its logger, had to say. */
export const Note = Schema.TaggedStruct("Note", {
  at,
  node: Schema.optionalKey(node),
  kind: Schema.Literals(["log", "note", "mark", "history", "healed"]),
  text: Schema.String,
})

/** A check failed. The last event of its trace. */
export const Failed = Schema.TaggedStruct("Failed", { at, node: Schema.optionalKey(node), text: Schema.String })

/** One event. `at` is the virtual time in microseconds since the start. */
export const Event = Schema.Union([NodeEvent, Sent, Arrived, Lost, Dropped, ConnectionEvent, FaultEvent, Note, Failed])
export type Event = typeof Event.Type

/** What happened in one run. */
export const Trace = Schema.Struct({
  scenario: Schema.String,
  seed: Schema.Int,
  /** The names of the nodes, in the order in which they came. */
  nodes: Schema.Array(Schema.String),
  /** How many events were left out at the beginning, because the trace keeps the last ones. */
  skipped: Schema.Int,
  events: Schema.Array(Event),
})
export type Trace = typeof Trace.Type

/** The form of the lines. Another form is another number. */
const version = 1

/** The first line. */
const Header = Schema.Struct({
  version: Schema.Int,
  scenario: Trace.fields.scenario,
  seed: Trace.fields.seed,
  nodes: Trace.fields.nodes,
  skipped: Trace.fields.skipped,
})

/** Lines of JSON: first what the trace is of, then one event per line. */
export const toJsonl = ({ events, nodes, scenario, seed, skipped }: Trace): string =>
  [{ version, scenario, seed, nodes, skipped }, ...events].map((line) => `${JSON.stringify(line)}\n`).join("")

const unreadable = (message: string) => new SimulationError({ reason: "artifact", message })

const parseLine = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  text: string,
  number: number,
): Result.Result<S["Type"], SimulationError> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "it is no JSON, or was cut off" }).pipe(
    Result.flatMap((json) => Result.mapError(Schema.decodeUnknownResult(schema)(json), ({ message }) => message)),
    Result.mapError((why) =>
      unreadable(`line ${number} of the trace cannot be read: ${why}. Use a file that \`toJsonl\` wrote, as it is.`),
    ),
  )

/** Reads what {@link toJsonl} wrote. Empty lines do not count. */
export const fromJsonl = (text: string): Result.Result<Trace, SimulationError> =>
  Result.gen(function* () {
    const lines = text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ line, number: index + 1 }]))
    const [first, ...rest] = lines
    if (first === undefined) {
      return yield* Result.fail(unreadable("the trace is empty: use a file that `toJsonl` wrote, as it is"))
    }
    const { version: found, ...header } = yield* parseLine(Header, first.line, first.number)
    if (found !== version) {
      return yield* Result.fail(
        unreadable(
          `the trace has version ${found} and this testkit reads version ${version}: use the testkit that wrote it`,
        ),
      )
    }
    const events: Array<Event> = []
    for (const { line, number } of rest) events.push(yield* parseLine(Event, line, number))
    return { ...header, events }
  })

/**
 * A log for ShiViz, with vector clocks. Its first two lines say how it is to be read: open the file in ShiViz, which finds
 * them there. What belongs to no node is told by a host named `simulation`.
 */
export const toShiViz = (trace: Trace): string => shiviz(trace)

/** What a picture says beside the trace. */
export interface PictureOptions {
  /** Default: the name of the scenario. */
  readonly title?: string | undefined
  /** Why the run failed. Default: what the last event says, if it is a failure. */
  readonly failure?: string | undefined
  /** The command that runs it again. */
  readonly replay?: string | undefined
  /** What is left of the faults after shrinking, in order. */
  readonly sentences?: ReadonlyArray<string> | undefined
}

/**
 * A page with a lane for each node and an arrow for each message, time downwards. It is one file that needs no network
 * and no other file, and opens where the run ended.
 */
export const toHtml = (trace: Trace, options: PictureOptions = {}): string => html(trace, options)
