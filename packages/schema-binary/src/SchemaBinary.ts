/**
 * Compact encoding of Effect's `SchemaBinary` as a serialization of topics (docs/messages.md, section "Encodings"). It
 * is not in core, because `SchemaBinary` is not stable yet.
 *
 * @since 0.1.0
 */
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import * as Binary from "effect/encoding/SchemaBinary"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"

/**
 * Serialization to the binary encoding, in the mode that decodes messages of older and newer versions of a schema.
 *
 * @category serializations
 * @since 0.1.0
 */
export const schemaBinary: TopicSerialization.Service = {
  format: "schema-binary",
  codec: (schema) => {
    const { decode, encode } = TopicSerialization.makeCodec(Binary.toCodec(schema))
    // The encoder returns a view into memory that it reuses.
    return { encode: (value) => Result.map(encode(value), (bytes) => bytes.slice()), decode }
  },
}

/**
 * Uses {@link schemaBinary} for topics without their own serialization. Give the layer to the `Cluster` as one of its
 * `policies`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSchemaBinary: Layer.Layer<TopicSerialization.TopicSerialization> =
  TopicSerialization.layer(schemaBinary)
