/**
 * Messages between a member and the process that started it, one JSON object per line.
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
 * Message of a member on its standard output. `at` is in milliseconds of the monotonic clock, which all processes of a
 * machine share on Linux.
 */
export const Report = Schema.Union([
  /** The member listens. */
  Schema.TaggedStruct("Listening", { address: Schema.String, generation: Schema.Number }),
  /** Event of its cluster. `peer` is the peer of the event, and `text` has its other details. */
  Schema.TaggedStruct("Event", {
    at: Schema.Number,
    event: Schema.String,
    peer: Schema.String,
    generation: Schema.Number,
    text: Schema.String,
  }),
  /** View that results from folding its events, after each event that changes it. */
  Schema.TaggedStruct("View", { peers: Peers }),
  /** View in response to the command `View`. */
  Schema.TaggedStruct("Answer", { peers: Peers }),
  /** Message from its inbox. */
  Schema.TaggedStruct("Message", { from: Schema.String, text: Schema.String }),
  /** Outcome of a broadcast: the peers whose links accepted it, and the errors for the others. */
  Schema.TaggedStruct("Sent", { to: Schema.Array(Schema.String), failed: Schema.Array(Schema.String) }),
])
export type Report = typeof Report.Type
export type Peers = typeof Peers.Type

/** Message to a member on its standard input. */
export const Command = Schema.Union([
  /** Requests the view. */
  Schema.TaggedStruct("View", {}),
  Schema.TaggedStruct("Broadcast", { text: Schema.String }),
  /** Makes the member leave and end, as the end of the input does. */
  Schema.TaggedStruct("Leave", {}),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
