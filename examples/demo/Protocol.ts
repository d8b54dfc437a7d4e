/**
 * Messages between the demo and its peers, one JSON object per line.
 */
import * as Schema from "effect/Schema"

/** Message of a peer on its standard output. */
export const Report = Schema.Union([
  /** The peer listens. */
  Schema.TaggedStruct("Listening", { address: Schema.String, generation: Schema.Number }),
  /** The peer serves a dashboard. */
  Schema.TaggedStruct("Dashboard", { url: Schema.String }),
  /** The view of the peer changed. */
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
  /** Event about another peer. */
  Schema.TaggedStruct("Event", { event: Schema.String, peer: Schema.String, generation: Schema.Number }),
  /** An address to join does not admit the peer. */
  Schema.TaggedStruct("Refusal", { address: Schema.String, reason: Schema.String }),
  /** Message from the inbox. */
  Schema.TaggedStruct("Message", { from: Schema.String, text: Schema.String }),
  /** Outcome of a command: the peers whose links accepted the message, and the errors for the others. */
  Schema.TaggedStruct("Sent", { to: Schema.Array(Schema.String), failed: Schema.Array(Schema.String) }),
])
export type Report = typeof Report.Type

/** Message to a peer on its standard input. */
export const Command = Schema.Union([
  Schema.TaggedStruct("Broadcast", { text: Schema.String }),
  Schema.TaggedStruct("Send", { to: Schema.String, text: Schema.String }),
  /** Dials an address. The demo does not send it. It serves to check by hand that the demo notices a redial. */
  Schema.TaggedStruct("Join", { address: Schema.String }),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
