/**
 * The serialization of topics: how their values become bytes (docs/messages.md, section "Encodings"). The default is JSON,
 * which every language reads. All nodes that share a topic must use the same serialization. A node reads its serialization once,
 * when the layer of its `Cluster` is built; a topic may have one of its own (`Topic.make`).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { policyLayer } from "./internal/policyLayer.ts"

/**
 * Encoder and decoder of the values of one topic. Neither throws.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicCodec<A> {
  /** Returns the bytes of a value, or why the value does not match the schema. */
  readonly encode: (value: A) => Result.Result<Uint8Array, Schema.SchemaError>
  /** Returns the value that the bytes encode. Accepts any bytes; bytes that are no such value give an error. */
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
   * Name of the format of the bytes: 1 to 64 bytes without control characters. A subscriber announces it to all peers, and no
   * peer sends it values of another format.
   */
  readonly format: string
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
 * The serialization of the topics that have none of their own. Provide it to the layer of the `Cluster`: the context in which a
 * topic is used makes no difference. Defaults to {@link json}.
 *
 * @category services
 * @since 0.1.0
 */
export const TopicSerialization = Context.Reference<Service>("@coterie/core/TopicSerialization", {
  defaultValue: () => json,
})

/**
 * Makes a codec of a schema whose encoded side is bytes, for serializations that are made of such schemas.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCodec = <A>(schema: Schema.Codec<A, Uint8Array>): TopicCodec<A> => ({
  encode: Schema.encodeResult(schema),
  decode: Schema.decodeResult(schema),
})

/** Fails on bytes that are not UTF-8, so that nothing is read that was never written. */
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const utf8Encoder = new TextEncoder()

/**
 * JSON in UTF-8 of the encoded side of a schema (`Schema.toCodecJson`): dates are ISO texts, bytes are Base64.
 *
 * @category serializations
 * @since 0.1.0
 */
export const json: Service = {
  format: "json",
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
          // Bytes that are not UTF-8 are not JSON either, and the schema says so in its own words.
          return decode("")
        }
      },
    }
  },
}

const provide = policyLayer<TopicSerialization>()

/**
 * Uses a serialization for the topics that have none of their own. Give the layer to the `Cluster` as one of its
 * `policies`, or provide it to the layer of the `Cluster`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (serialization: Service): Layer.Layer<TopicSerialization> =>
  provide(TopicSerialization, serialization)

/**
 * Uses {@link json}, which is the default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerJson: Layer.Layer<TopicSerialization> = layer(json)
