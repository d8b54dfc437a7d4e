/**
 * Messages between the demo and its peers: one JSON object a line.
 */
import * as Schema from "effect/Schema"

/** From a peer, on its standard output. */
export const Report = Schema.Union([
  /** It runs. */
  Schema.TaggedStruct("Listening", { address: Schema.String, generation: Schema.Number }),
  /** Its view changed. */
  Schema.TaggedStruct("View", {
    peers: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        generation: Schema.Number,
        link: Schema.Literals(["up", "indirect", "down"]),
        address: Schema.String,
      }),
    ),
  }),
  /** An event about a peer. */
  Schema.TaggedStruct("Event", { event: Schema.String, peer: Schema.String, generation: Schema.Number }),
  /** A message from the inbox. */
  Schema.TaggedStruct("Message", { from: Schema.String, text: Schema.String }),
  /** Outcome of a command: the peers whose links took the message, and why others did not. */
  Schema.TaggedStruct("Sent", { to: Schema.Array(Schema.String), failed: Schema.Array(Schema.String) }),
])
export type Report = typeof Report.Type

/** To a peer, on its standard input. */
export const Command = Schema.Union([
  Schema.TaggedStruct("Broadcast", { text: Schema.String }),
  Schema.TaggedStruct("Send", { to: Schema.String, text: Schema.String }),
  /** No step of the demo sends it; it shows that a redial would be noticed. */
  Schema.TaggedStruct("Join", { address: Schema.String }),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
