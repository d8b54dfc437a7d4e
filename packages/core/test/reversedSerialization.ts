/**
 * A serialization that is not JSON: the bytes of JSON, backwards.
 */
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import * as Result from "effect/Result"

export const reversed: TopicSerialization.Service = {
  format: "reversed",
  codec: (schema) => {
    const { decode, encode } = TopicSerialization.json.codec(schema)
    return {
      encode: (value) => Result.map(encode(value), (bytes) => bytes.toReversed()),
      decode: (bytes) => decode(bytes.toReversed()),
    }
  },
}
