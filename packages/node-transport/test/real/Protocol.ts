/**
 * Messages between a member and the process that started it: one JSON object a line.
 */
import * as Schema from "effect/Schema"

const Peers = Schema.Array(
  Schema.Struct({
    name: Schema.String,
    generation: Schema.Number,
    status: Schema.String,
    link: Schema.String,
    address: Schema.String,
  }),
)

/**
 * From a member, on its standard output. `at` is in milliseconds of the monotonic clock, which all processes of a machine
 * share on Linux.
 */
export const Report = Schema.Union([
  /** It runs. */
  Schema.TaggedStruct("Listening", { address: Schema.String, generation: Schema.Number }),
  /** An event of its cluster; `peer` is whom it is about, `text` what else it says. */
  Schema.TaggedStruct("Event", {
    at: Schema.Number,
    event: Schema.String,
    peer: Schema.String,
    generation: Schema.Number,
    text: Schema.String,
  }),
  /** The view that its events add up to, after each that changes it. */
  Schema.TaggedStruct("View", { peers: Peers }),
  /** The view that it gives when it is asked. */
  Schema.TaggedStruct("Answer", { peers: Peers }),
  /** A message from its inbox. */
  Schema.TaggedStruct("Message", { from: Schema.String, text: Schema.String }),
  /** Outcome of a broadcast: the peers whose links took it, and why others did not. */
  Schema.TaggedStruct("Sent", { to: Schema.Array(Schema.String), failed: Schema.Array(Schema.String) }),
])
export type Report = typeof Report.Type
export type Peers = typeof Peers.Type

/** To a member, on its standard input. */
export const Command = Schema.Union([
  /** Answer with the view. */
  Schema.TaggedStruct("View", {}),
  Schema.TaggedStruct("Broadcast", { text: Schema.String }),
  /** Leave and end, as at the end of the input. */
  Schema.TaggedStruct("Leave", {}),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
