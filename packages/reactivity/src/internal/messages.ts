/**
 * The messages of a channel (docs/reactivity.md, section "On the wire").
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Bounds, Keys } from "./StaleKeys.ts"

/** Format of the lane of a channel. */
export const format = "json"

const Message = Schema.Struct({
  /** Stale keys. Absent for all keys. */
  keys: Schema.optionalKey(Schema.Array(Schema.String)),
  /** `true` if the sender sends nothing after this message. */
  end: Schema.optionalKey(Schema.Boolean),
})

const decodeText = Schema.decodeUnknownResult(Schema.fromJsonString(Message))

/** Decodes a message, or returns the description of its problem. */
export const decode = (text: string): Result.Result<typeof Message.Type, string> =>
  Result.mapError(decodeText(text), ({ message }) => message)

/** Encodes a message. */
export const encode = (keys: Keys, { end = false }: { readonly end?: boolean } = {}): string =>
  JSON.stringify({ ...(keys === "all" ? {} : { keys: [...keys] }), ...(end ? { end } : {}) })

/**
 * Returns the maximum number of bytes of a message. JSON encodes a character in at most 6 bytes, and adds 3 to each key.
 */
export const maxBytes = ({ maxCharacters, maxKeys }: Bounds): number => 6 * maxCharacters + 3 * maxKeys + 64
