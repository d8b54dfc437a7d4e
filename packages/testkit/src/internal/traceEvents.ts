/**
 * Schemas of a trace and of its events. `Trace.ts` exports them. Readers of traces inside the testkit import them from
 * here.
 */
import * as Schema from "effect/Schema"

const at = Schema.Int
const node = Schema.String

/**
 * Change of the state of a node.
 *
 * @category schemas
 * @since 0.1.0
 */
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
  /** Number of the life of the node, counted from 1. Each start begins a new life. */
  life: Schema.Int,
  text: Schema.optionalKey(Schema.String),
})

/**
 * State of a node in a trace.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeState = (typeof NodeEvent.Type)["state"]

/**
 * Segment of bytes that a node sent. `messages` has their meaning if the scenario has a decoder.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Sent = Schema.TaggedStruct("Sent", {
  at,
  /** Number of the segment, counted from 1. */
  id: Schema.Int,
  connection: Schema.Int,
  from: node,
  to: node,
  size: Schema.Int,
  /** Decoded messages that these bytes begin or complete. */
  messages: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        /** Short name, which selects the colour. */
        kind: Schema.String,
        text: Schema.String,
        /** `true` for permanent traffic such as heartbeats, which a picture hides. */
        background: Schema.optionalKey(Schema.Boolean),
      }),
    ),
  ),
})

/**
 * Arrival of a segment at the other host.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Arrived = Schema.TaggedStruct("Arrived", { at, id: Schema.Int })

/**
 * Loss of a segment, which was sent again. `times` counts the losses.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Lost = Schema.TaggedStruct("Lost", { at, id: Schema.Int, times: Schema.Int })

/**
 * End of a segment that never arrives.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Dropped = Schema.TaggedStruct("Dropped", { at, id: Schema.Int, why: Schema.String })

/**
 * Dial, acceptance or end of a connection at one side.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConnectionEvent = Schema.TaggedStruct("Connection", {
  at,
  connection: Schema.Int,
  from: node,
  to: node,
  state: Schema.Literals(["dialed", "accepted", "end", "reset", "refused", "vanished"]),
  /** Side at which the connection ended. */
  by: Schema.optionalKey(node),
})

/**
 * Beginning or end of a fault.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FaultEvent = Schema.TaggedStruct("Fault", {
  at,
  /** Place of the fault in the plan, or a negative number for a fault that is not in a timeline. */
  fault: Schema.Int,
  kind: Schema.String,
  state: Schema.Literals(["began", "over"]),
  nodes: Schema.Array(node),
  /** Groups that the fault keeps apart: nothing passes between the two sides, or from the first to the second. */
  cut: Schema.optionalKey(Schema.Struct({ from: Schema.Array(node), to: Schema.Array(node), oneWay: Schema.Boolean })),
  /** The fault as a sentence. */
  text: Schema.String,
})

/**
 * Text from the scenario, or from the logger of a node.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Note = Schema.TaggedStruct("Note", {
  at,
  node: Schema.optionalKey(node),
  kind: Schema.Literals(["log", "note", "mark", "history", "healed"]),
  text: Schema.String,
})

/**
 * Failure of a check. Last event of its trace.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Failed = Schema.TaggedStruct("Failed", { at, node: Schema.optionalKey(node), text: Schema.String })

/**
 * Event of a trace. `at` is the virtual time in microseconds since the start.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Union([NodeEvent, Sent, Arrived, Lost, Dropped, ConnectionEvent, FaultEvent, Note, Failed])
/**
 * One event of a trace, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Event = typeof Event.Type

/**
 * Events of one run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Trace = Schema.Struct({
  scenario: Schema.String,
  seed: Schema.Int,
  /** Names of the nodes, in the order in which they were started. */
  nodes: Schema.Array(Schema.String),
  /** Number of events that were dropped at the beginning, because the trace keeps the last ones. */
  skipped: Schema.Int,
  events: Schema.Array(Event),
})
/**
 * Trace of a run, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Trace = typeof Trace.Type
