/**
 * The keys of a ring as values: derivation from secrets, and the changes of a ring. docs/protocol.md, chapter "Transport with a
 * secret", specifies the derivation.
 */
import * as Arr from "effect/Array"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Crypto from "node:crypto"

/**
 * Failure of a keyring. The message says what to do, and holds no secret.
 *
 * - `short`: a secret has fewer than 32 characters.
 * - `weak`: a secret has fewer than 10 different characters.
 * - `empty`: there is no secret.
 * - `many`: there are more than 8 secrets.
 * - `unreadable`: the file cannot be read, is no UTF-8 or is longer than 64 KiB.
 * - `inUse`: the key that this node dials with cannot be removed.
 * - `unknown`: the ring has no such key.
 *
 * @category errors
 * @since 0.1.0
 */
export class KeyringError extends Schema.TaggedError<KeyringError>()("KeyringError", {
  reason: Schema.Literals(["short", "weak", "empty", "many", "unreadable", "inUse", "unknown"]),
  message: Schema.String,
}) {}

/**
 * Key of a ring, derived from a secret. The id is a hash of the secret, and logs and metrics show it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Key {
  /** 12 characters of base64url. */
  readonly id: string
  /** 32 bytes. */
  readonly psk: Redacted.Redacted<Uint8Array>
}

/**
 * Keys that a node accepts, at most 8, without duplicates. The node dials with the first key, and tries the others where the peer
 * does not accept the first.
 *
 * @category models
 * @since 0.1.0
 */
export type Ring = Arr.NonEmptyReadonlyArray<Key>

/** Number of characters of a secret: 32 random ones of base64 are 192 bits. A peer that is dialed can guess at a shorter one offline. */
const minCharacters = 32

/** Number of different characters of a secret. Of 32 random hexadecimal digits, 1 in 10,000 has fewer, and of base64 practically none. */
const minDifferent = 10

/** Keys of a ring. A dial tries them one after the other, and a rotation needs 2. */
const maxKeys = 8

/** Makes the key of a secret. White space of ASCII at both ends is no part of the secret. */
export const keyOf = (secret: Redacted.Redacted<string>): Result.Result<Key, KeyringError> => {
  const text = trim(Redacted.value(secret))
  const characters = [...text]
  if (characters.length < minCharacters) {
    return fail("short", `a secret has ${characters.length} characters and needs at least ${minCharacters}: ${advice}`)
  }
  if (new Set(characters).size < minDifferent) {
    return fail(
      "weak",
      `a secret has fewer than ${minDifferent} different characters, so it is easy to guess: ${advice}`,
    )
  }
  return Result.succeed({
    id: derive(text, "coterie 1 id", 9).toString("base64url"),
    psk: Redacted.make(new Uint8Array(derive(text, "coterie 1 psk", 32)), { label: "psk" }),
  })
}

/** Makes the ring of secrets. A secret that is there twice counts once. */
export const ringOf = (secrets: ReadonlyArray<Redacted.Redacted<string>>): Result.Result<Ring, KeyringError> =>
  Result.flatMap(Result.all(secrets.map(keyOf)), (keys) => {
    const ring = keys.filter((key, i) => keys.findIndex(({ id }) => id === key.id) === i)
    if (!Arr.isReadonlyArrayNonEmpty(ring)) return fail("empty", `there is no secret: ${advice}`)
    return ring.length > maxKeys ? tooMany(ring.length) : Result.succeed(ring)
  })

/** Adds a key that this node accepts and does not dial with first. */
export const addKey = (ring: Ring, key: Key): Result.Result<Ring, KeyringError> => {
  if (has(ring, key.id)) return Result.succeed(ring)
  return ring.length === maxKeys ? tooMany(maxKeys + 1) : Result.succeed(Arr.append(ring, key))
}

/** Moves a key to the front, so that this node dials with it first. */
export const useKey = (ring: Ring, id: string): Result.Result<Ring, KeyringError> => {
  const key = ring.find((key) => key.id === id)
  return key === undefined ? unknown(id, ring) : Result.succeed(Arr.prepend(without(ring, id), key))
}

/** Removes a key that this node does not dial with first. */
export const removeKey = (ring: Ring, id: string): Result.Result<Ring, KeyringError> => {
  if (!has(ring, id)) return unknown(id, ring)
  const rest = without(ring, id)
  return ring[0].id === id || !Arr.isReadonlyArrayNonEmpty(rest)
    ? fail("inUse", `this node dials with the key ${id}: use another key before you remove this one`)
    : Result.succeed(rest)
}

/** Returns the secrets in the text of a file: one per line, without blank lines and lines that begin with `#`. */
export const secretsIn = (text: string): ReadonlyArray<Redacted.Redacted<string>> =>
  text
    .split("\n")
    .map(trim)
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => Redacted.make(line, { label: "secret" }))

/** Describes a ring for the log: its ids, and which of them this node dials with. */
export const describeRing = ([first, ...others]: Ring): string =>
  [`${first.id} (dials)`, ...others.map(({ id }) => id)].join(", ")

/** Tests whether two rings have the same keys in the same order. */
export const isSameRing = (a: Ring, b: Ring): boolean =>
  a.length === b.length && a.every(({ id }, i) => id === b[i]?.id)

/** Fails with a `KeyringError`. */
export const fail = (reason: KeyringError["reason"], message: string): Result.Result<never, KeyringError> =>
  Result.fail(new KeyringError({ reason, message }))

const advice = 'make one with "openssl rand -base64 32"'

const tooMany = (count: number) =>
  fail("many", `the ring has ${count} secrets and may have ${maxKeys}: remove those that no node dials with`)

const unknown = (id: string, ring: Ring) =>
  // A text of another form may be a secret that was passed by mistake.
  fail(
    "unknown",
    `the ring has no key ${isId(id) ? id : "of this id, which has not the form of one"}: it has ${describeRing(ring)}`,
  )

/** Tests whether a text has the form of an id. A text of this form may be shown. */
export const isId = (text: string): boolean => /^[A-Za-z0-9_-]{12}$/.test(text)

const has = (ring: Ring, id: string) => ring.some((key) => key.id === id)

const without = (ring: Ring, id: string): ReadonlyArray<Key> => ring.filter((key) => key.id !== id)

/** White space of ASCII alone, because languages disagree about the rest. */
const isSpace = (code: number) => code === 0x20 || (code >= 0x09 && code <= 0x0d)

const trim = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** HKDF (RFC 5869) with SHA-256 and without salt. */
const derive = (text: string, info: string, length: number): Buffer =>
  Buffer.from(Crypto.hkdfSync("sha256", Buffer.from(text, "utf8"), "", info, length))
