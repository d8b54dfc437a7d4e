/** Messages between a node and the process that started it, one JSON object per line. */
import * as Schema from "effect/Schema"

/** Keys that all nodes follow, and of which each belongs to one of them. */
export const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)

/** Number of nodes that must reach each other to own keys: more than half of five. */
export const minimumMembers = 3

/** Message of a node on its standard output. */
export const Report = Schema.Union([
  /** The node listens. */
  Schema.TaggedStruct("Listening", { address: Schema.String }),
  /** Everything that the node shares with others and knows of them. Follows each change. */
  Schema.TaggedStruct("State", {
    /** Names of the peers with a link. */
    links: Schema.Array(Schema.String),
    /** Entries by `OWNER/KEY`. */
    entries: Schema.Record(Schema.String, Schema.String),
    /** States of the other owners, by name. */
    owners: Schema.Record(Schema.String, Schema.String),
    /** Nodes that track each user. Empty while the user is leaving. */
    users: Schema.Record(Schema.String, Schema.Array(Schema.String)),
    /** Users who have left so far. */
    left: Schema.Array(Schema.String),
    /** Nodes of the group. */
    members: Schema.Array(Schema.String),
    /** Keys that the node owns. */
    mine: Schema.Array(Schema.String),
    value: Schema.Finite,
    /** Values that were lost to another write. */
    lost: Schema.Array(Schema.Finite),
  }),
])
export type Report = typeof Report.Type
export type State = Extract<Report, { readonly _tag: "State" }>

/** Message to a node on its standard input. */
export const Command = Schema.Union([
  Schema.TaggedStruct("Set", { key: Schema.String, value: Schema.String }),
  Schema.TaggedStruct("Track", { user: Schema.String }),
  Schema.TaggedStruct("Untrack", { user: Schema.String }),
  Schema.TaggedStruct("Write", { value: Schema.Finite }),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
