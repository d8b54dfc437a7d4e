/**
 * Messages between a member of a mixed cluster and the test that started it, one JSON object per line. Fixtures of
 * earlier releases contain earlier versions of this module. A change must keep their reports and commands readable.
 */
import * as Schema from "effect/Schema"

/** Topics of a member, named by their serialization. */
export const TopicName = Schema.Literals(["json", "binary"])
export type TopicName = typeof TopicName.Type

/** Order that members publish on their topics. */
export const Order = Schema.Struct({ id: Schema.String, total: Schema.Finite, items: Schema.Array(Schema.String) })
export type Order = typeof Order.Type

/** Message of a member on its standard output. */
export const Report = Schema.Union([
  /** The member listens. */
  Schema.TaggedStruct("Listening", { address: Schema.String }),
  /** Event of its cluster with the peer of the event. */
  Schema.TaggedStruct("Event", { event: Schema.String, peer: Schema.String }),
  /** Peers that the member lists with a live link, sorted by name, each with the metadata `note`. */
  Schema.TaggedStruct("View", { peers: Schema.Array(Schema.Struct({ name: Schema.String, note: Schema.String })) }),
  /** Nodes that read a topic, the member included, sorted by name. */
  Schema.TaggedStruct("Readers", { topic: TopicName, names: Schema.Array(Schema.String) }),
  /** Message from its inbox. */
  Schema.TaggedStruct("Message", { from: Schema.String, text: Schema.String }),
  /** Order that a peer published. */
  Schema.TaggedStruct("Published", { topic: TopicName, from: Schema.String, order: Order }),
  /** Answer of a peer to a request. */
  Schema.TaggedStruct("Answer", { from: Schema.String, text: Schema.String }),
  /** A command was carried out. */
  Schema.TaggedStruct("Done", { command: Schema.String }),
  /** A command failed. */
  Schema.TaggedStruct("Failure", { command: Schema.String, message: Schema.String }),
])
export type Report = typeof Report.Type

/** Message to a member on its standard input. */
export const Command = Schema.Union([
  /** Sends an acknowledged message to the inbox of a peer. */
  Schema.TaggedStruct("Send", { to: Schema.String, text: Schema.String }),
  /** Publishes an order on a topic. */
  Schema.TaggedStruct("Publish", { topic: TopicName, order: Order }),
  /** Requests a text of a peer, which repeats it. */
  Schema.TaggedStruct("Request", { to: Schema.String, text: Schema.String, times: Schema.Int }),
  /** Changes the metadata `note`. */
  Schema.TaggedStruct("Note", { note: Schema.String }),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
