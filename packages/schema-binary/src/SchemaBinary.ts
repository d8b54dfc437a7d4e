/**
 * The compact encoding of Effect's `SchemaBinary`, as a serialization of topics (docs/messages.md, section "Encodings").
 * `SchemaBinary` is not stable yet, which is why this is not in core.
 *
 * @since 0.1.0
 */
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import * as Binary from "effect/encoding/SchemaBinary"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"

/**
 * Binary encoding, in the mode that reads what older and newer versions of a schema wrote.
 *
 * @category serializations
 * @since 0.1.0
 */
export const schemaBinary: TopicSerialization.Service = {
  format: "schema-binary",
  codec: (schema) => {
    const { decode, encode } = TopicSerialization.makeCodec(Binary.toCodec(schema))
    // The encoder returns a view into memory that it uses again.
    return { encode: (value) => Result.map(encode(value), (bytes) => bytes.slice()), decode }
  },
}

/**
 * Uses {@link schemaBinary} for the topics that have no serialization of their own. Give the layer to the `Cluster` as one
 * of its `policies`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSchemaBinary: Layer.Layer<TopicSerialization.TopicSerialization> =
  TopicSerialization.layer(schemaBinary)
