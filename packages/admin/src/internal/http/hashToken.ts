/** Hashes of tokens. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** Returns the SHA-256 hash of a token. */
export const hashToken = (token: Redacted.Redacted): Effect.Effect<Uint8Array> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(Redacted.value(token)))),
    (hash) => new Uint8Array(hash),
  )

/** Compares hashes of one length in a time that does not depend on their content. */
export const equalHashes = (a: Uint8Array, b: Uint8Array): boolean => {
  let difference = a.length ^ b.length
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0)
  return difference === 0
}

/** Number of hex digits that name a token in the log. They do not help to guess it. */
const idDigits = 8

/** Returns the first digits of the hash, which name the token in the log. */
export const tokenId = (hash: Uint8Array): string =>
  Array.from(hash, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, idDigits)
