/** Messages of a node whose memory is measured, one JSON object per line. */
import * as Schema from "effect/Schema"

export const Sample = Schema.TaggedStruct("Sample", {
  /** Resident memory, in bytes. */
  rss: Schema.Number,
  heapUsed: Schema.Number,
  lagMillis: Schema.Number,
  /** Number of links that are up. */
  links: Schema.Number,
})
export type Sample = typeof Sample.Type

export const Report = Schema.Union([
  Schema.TaggedStruct("Listening", { address: Schema.String, url: Schema.String }),
  Sample,
])
export type Report = typeof Report.Type
