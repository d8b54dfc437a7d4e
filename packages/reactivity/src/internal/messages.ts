/**
 * The messages of a channel (docs/reactivity.md, section "On the wire").
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Heard } from "./Ledger.ts"
import type { Parcel } from "./Outbox.ts"
import type { Bounds } from "./StaleKeys.ts"

/** Format of the lane of a channel. */
export const format = "json"

/** Maximum length of the identity of a writer. */
const maxWriter = 64

const Message = Schema.Struct({
  writer: Schema.String.check(Schema.isMaxLength(maxWriter)),
  after: Schema.Natural,
  until: Schema.Natural,
  keys: Schema.optionalKey(Schema.Array(Schema.String)),
  end: Schema.optionalKey(Schema.Boolean),
})

const decodeText = Schema.decodeUnknownResult(Schema.fromJsonString(Message))

/** Decodes a message, or returns the description of its problem. */
export const decode = (text: string): Result.Result<Heard, string> =>
  Result.mapError(decodeText(text), ({ message }) => message)

/** Encodes a message. `end` is `true` for the last message of the writer. */
export const encode = (writer: string, { after, keys, until }: Parcel, end: boolean): string =>
  JSON.stringify({
    writer,
    after,
    until,
    ...(keys === "all" ? {} : { keys: [...keys] }),
    ...(end ? { end } : {}),
  })

/**
 * Returns the maximum number of bytes of a message. JSON encodes a character in at most 6 bytes, and adds 3 to each key.
 */
export const maxBytes = ({ maxCharacters, maxKeys }: Bounds): number => 6 * (maxCharacters + maxWriter) + 3 * maxKeys + 128
