/**
 * How the values of topics become bytes. The default is JSON, which every language reads (docs/messages.md, section
 * "Encodings"). All nodes that share a topic must use the same.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Both ways for one schema. Neither throws. */
export interface ValueCodec<A> {
  readonly encode: (value: A) => Result.Result<Uint8Array, Schema.SchemaError>
  /** Bytes that are no such value give an error, whatever they are. */
  readonly decode: (bytes: Uint8Array) => Result.Result<A, Schema.SchemaError>
}

export interface Serialization {
  /** For people. */
  readonly name: string
  /** Called once for each topic. */
  readonly codec: <A, E>(schema: Schema.Codec<A, E>) => ValueCodec<A>
}

/** Both ways through a schema whose encoded side is bytes: what a format is made of. */
export const fromBytes = <A>(schema: Schema.Codec<A, Uint8Array>): ValueCodec<A> => ({
  encode: Schema.encodeResult(schema),
  decode: Schema.decodeResult(schema),
})

/** Bytes that must be UTF-8, so that nothing is read that was never written. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const toUtf8 = new TextEncoder()

/** JSON in UTF-8 of the encoded side of a schema (`Schema.toCodecJson`): dates are ISO texts, bytes Base64. */
export const json: Serialization = {
  name: "json",
  codec: (schema) => {
    const text = Schema.fromJsonString(Schema.toCodecJson(schema))
    const encode = Schema.encodeResult(text)
    const decode = Schema.decodeResult(text)
    return {
      encode: (value) => Result.map(encode(value), (json) => toUtf8.encode(json)),
      decode: (bytes) => {
        try {
          return decode(utf8.decode(bytes))
        } catch {
          // What is no UTF-8 is no JSON either, and the schema says it in its own words.
          return decode("")
        }
      },
    }
  },
}

/** The format in use; {@link json} unless a layer says otherwise. */
export const TopicSerialization = Context.Reference<Serialization>("@coterie/core/TopicSerialization", {
  defaultValue: () => json,
})

export const layer = (format: Serialization): Layer.Layer<never> => Layer.succeed(TopicSerialization, format)
