/** Lines that the processes of an attack print, as JSON. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** A member listens. */
const Listening = Schema.TaggedStruct("Listening", { address: Schema.String, generation: Schema.Int })

/** State of a member, every quarter of a second. */
const Status = Schema.TaggedStruct("Status", {
  /** Links that are up, as names with generations. */
  up: Schema.Array(Schema.String),
  /** Resident memory in bytes. */
  rss: Schema.Number,
  /** Share of a processor since the last status. */
  cpu: Schema.Number,
  /** Largest delay of a timer since the last status, in milliseconds. */
  delay: Schema.Number,
  /** Lines of the log about refused connections since the start. */
  lines: Schema.Int,
})

/** An event that says that a member is not well. */
const Trouble = Schema.TaggedStruct("Trouble", { event: Schema.String, peer: Schema.String })

/** Attempts of the attacker, by kind, and the number of connections that are open. */
const Attempts = Schema.TaggedStruct("Attempts", {
  attempts: Schema.Record(Schema.String, Schema.Int),
  open: Schema.Int,
})

export const Report = Schema.Union([Listening, Status, Trouble, Attempts])
export type Report = typeof Report.Type

const Line = Schema.fromJsonString(Report)
export const encode = Schema.encodeSync(Line)
const decodeLine = Schema.decodeOption(Line)

export const decode = (line: string): Option.Option<Report> => (line.startsWith("{") ? decodeLine(line) : Option.none())
