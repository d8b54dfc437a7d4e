/**
 * The serialization of topics: how values become bytes (docs/messages.md, section "Encodings"). The default is JSON,
 * which every language reads. All nodes that share a topic must use the same serialization. A node reads its
 * serialization once, when the layer of its `Cluster` is built. A topic may have its own serialization (`Topic.make`).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { policyLayer } from "./internal/policyLayer.ts"

/**
 * Encoder and decoder of the values of one topic. Neither of them throws.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicCodec<A> {
  /** Returns the bytes of a value, or an error if the value does not match the schema. */
  readonly encode: (value: A) => Result.Result<Uint8Array, Schema.SchemaError>
  /**
   * Returns the value that the bytes encode. Accepts any bytes, and returns an error if they do not encode a value of
   * the schema.
   */
  readonly decode: (bytes: Uint8Array) => Result.Result<A, Schema.SchemaError>
}

/**
 * A serialization: the codec for each schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Name of the format of the bytes: 1 to 64 bytes without control characters. A subscriber announces it to all peers,
   * and peers send it no values in another format.
   */
  readonly format: string
  /**
   * `true` if no decoded value refers to the bytes that it was decoded from. A topic then frees the bytes of a large
   * message as soon as its value is decoded (`Message.release`). Defaults to `false`.
   */
  readonly copiesBytes?: boolean | undefined
  /** Makes the codec of a topic. Called once for each topic. */
  readonly codec: <A, E>(schema: Schema.Codec<A, E>) => TopicCodec<A>
}

/**
 * Identifier of the policy in the types of layers: a layer of this module is a `Layer.Layer<TopicSerialization>`.
 *
 * @category services
 * @since 0.1.0
 */
export interface TopicSerialization {
  readonly policy: "TopicSerialization"
}

/**
 * The serialization of the topics that have no serialization of their own. Provide it to the layer of the `Cluster`; a
 * serialization in the context in which a topic is used is ignored. Defaults to {@link json}.
 *
 * @category services
 * @since 0.1.0
 */
export const TopicSerialization = Context.Reference<Service>("@coterie/core/TopicSerialization", {
  defaultValue: () => json,
})

/**
 * Makes a codec from a schema whose encoded side is bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCodec = <A>(schema: Schema.Codec<A, Uint8Array>): TopicCodec<A> => ({
  encode: Schema.encodeResult(schema),
  decode: Schema.decodeResult(schema),
})

/** Decoder that fails on bytes that are not UTF-8, because replacing them would read text that was never written. */
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const utf8Encoder = new TextEncoder()

/**
 * JSON in UTF-8 of the encoded side of a schema (`Schema.toCodecJson`). Dates are ISO texts, and bytes are Base64.
 *
 * @category serializations
 * @since 0.1.0
 */
export const json: Service = {
  format: "json",
  copiesBytes: true,
  codec: (schema) => {
    const text = Schema.fromJsonString(Schema.toCodecJson(schema))
    const encode = Schema.encodeResult(text)
    const decode = Schema.decodeResult(text)
    return {
      encode: (value) => Result.map(encode(value), (json) => utf8Encoder.encode(json)),
      decode: (bytes) => {
        try {
          return decode(utf8Decoder.decode(bytes))
        } catch {
          // Bytes that are not UTF-8 are not JSON either. Decoding an empty text gives the schema's error for invalid
          // JSON.
          return decode("")
        }
      },
    }
  },
}

const provide = policyLayer<TopicSerialization>()

/**
 * Uses a serialization for the topics that have no serialization of their own. Pass the layer to the `Cluster` as one
 * of its `policies`, or provide it to the layer of the `Cluster`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (serialization: Service): Layer.Layer<TopicSerialization> =>
  provide(TopicSerialization, serialization)

/**
 * Layer that uses {@link json}, the default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerJson: Layer.Layer<TopicSerialization> = layer(json)
