/** Encodes and decodes the keys and values of a map. */
import type { PeerId } from "@coterie/core/Peer"
import type { Service as Serialization, TopicCodec } from "@coterie/core/TopicSerialization"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { MapRole } from "./MapRole.ts"
import type { Bounds } from "./options.ts"
import type { Entry, Options } from "./Service.ts"
import { EntryTooLarge, NotEncodable } from "../StateError.ts"

const utf8 = new TextEncoder()

export interface EncodedEntry<K, V> {
  readonly key: K
  readonly encodedKey: string
  readonly value: V
  readonly bytes: Uint8Array
}

export class EntryCodec<K, V> {
  private readonly bounds: Pick<Bounds, "entryBytes" | "entryBound">
  private readonly keyOf: MapRole["keyOf"]
  private readonly values: TopicCodec<V>
  private readonly encodeText: (key: K) => Result.Result<string, Schema.SchemaError>
  private readonly decodeText: (key: string) => Result.Result<K, Schema.SchemaError>

  constructor(
    options: Pick<Options<K, V>, "key" | "value">,
    serialization: Serialization,
    bounds: Pick<Bounds, "entryBytes" | "entryBound">,
    keyOf: MapRole["keyOf"],
  ) {
    this.bounds = bounds
    this.keyOf = keyOf
    this.values = serialization.codec(options.value)
    this.encodeText = Schema.encodeResult(options.key)
    this.decodeText = Schema.decodeResult(options.key)
  }

  encodeKey(key: K): Result.Result<string, NotEncodable> {
    const text = this.encodeText(key)
    if (Result.isFailure(text))
      return Result.fail(new NotEncodable({ message: `the key does not match its schema: ${text.failure.message}` }))
    // Two keys with lone surrogates may have the same bytes.
    return text.success.isWellFormed()
      ? Result.succeed(text.success)
      : Result.fail(new NotEncodable({ message: "the key encodes to a text with a lone surrogate" }))
  }

  encode(key: K, value: V): Result.Result<EncodedEntry<K, V>, NotEncodable | EntryTooLarge> {
    type Encoded = Result.Result<EncodedEntry<K, V>, NotEncodable | EntryTooLarge>
    return Result.flatMap(this.encodeKey(key), (encodedKey): Encoded => {
      const bytes = this.values.encode(value)
      if (Result.isFailure(bytes)) {
        const message = `the value of "${this.keyOf(encodedKey)}" does not match its schema: ${bytes.failure.message}`
        return Result.fail(new NotEncodable({ message }))
      }
      const size = utf8.encode(encodedKey).length + bytes.success.length
      const { entryBound: bound, entryBytes: limit } = this.bounds
      return size > limit
        ? Result.fail(new EntryTooLarge({ key: this.keyOf(encodedKey), bytes: size, bound, limit }))
        : Result.succeed({ key, encodedKey, value, bytes: bytes.success })
    })
  }

  /** Decodes an entry of another node, or returns the reason why it does not match the schemas. */
  decode(owner: PeerId, encodedKey: string, bytes: Uint8Array): Result.Result<Entry<K, V>, string> {
    const key = this.decodeText(encodedKey)
    if (Result.isFailure(key)) return Result.fail(`the key "${encodedKey}" does not decode: ${key.failure.message}`)
    // The memory of the bytes is shared with other messages, and a decoded value may keep a part of it.
    const value = this.values.decode(bytes.slice())
    if (Result.isFailure(value))
      return Result.fail(`the value of "${this.keyOf(encodedKey)}" does not decode: ${value.failure.message}`)
    return Result.succeed({ owner, key: key.success, encodedKey, value: value.success })
  }
}
