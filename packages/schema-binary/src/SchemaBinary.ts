/**
 * The compact encoding of Effect's `SchemaBinary`, for topics (docs/messages.md, section "Encodings"). It is not stable yet,
 * which is why it is not in core.
 */
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import * as Binary from "effect/encoding/SchemaBinary"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"

/** The mode that reads what older and newer versions of a schema wrote. */
export const format: TopicSerialization.Serialization = {
  name: "schema-binary",
  codec: (schema) => {
    const { decode, encode } = TopicSerialization.fromBytes(Binary.toCodec(schema))
    // What it gives is a view into memory that it uses again.
    return { encode: (value) => Result.map(encode(value), (bytes) => bytes.slice()), decode }
  },
}

/** Topics use {@link format}. */
export const layer: Layer.Layer<never> = TopicSerialization.layer(format)
