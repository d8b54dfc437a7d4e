/**
 * Records of peers and their total order (docs/protocol.md, section "Records").
 *
 * A peer writes its own record. Other peers copy the record and may accuse the peer (`suspect`, `failed`). Records of
 * one name are totally ordered, and merging keeps the greater. Merging is therefore commutative, associative and
 * idempotent, and all peers that have received the same records have the same beliefs.
 */
import type { Address } from "../Address.ts"
import { Hash64 } from "../internal/hash64.ts"
import { maxMetadataBytes, maxMetadataPairs } from "./constants.ts"
import { compareNames } from "./PeerName.ts"

/** Status of a record: `alive` < `suspect` < `failed` within one incarnation; `left` ends a generation. */
export type Status = "alive" | "suspect" | "failed" | "left"

/** Part of a record that only its owner may change, by raising the incarnation. */
export interface Body {
  /** Addresses at which the peer claims to be reachable, best first; at most 8. */
  readonly addresses: ReadonlyArray<Address>
  /** Text pairs of the application; at most 8 KiB in all. */
  readonly metadata: Readonly<Record<string, string>>
  readonly versionMin: number
  readonly versionMax: number
  /** Names of optional parts of the protocol that the peer supports; at most 32. */
  readonly features: ReadonlyArray<string>
}

/** Record of one peer: its identity, its body, and the status that the author of this copy believes. */
export interface PeerRecord {
  readonly name: string
  readonly generation: number
  readonly incarnation: number
  readonly status: Status
  readonly body: Body
  /** Name of the peer that accuses, with `suspect` and `failed`. Not part of the order. */
  readonly by?: string | undefined
  /** `true` if the accuser's connection was refused, which makes the accusation more certain. Not part of the order. */
  readonly refused?: boolean | undefined
}

/** Fields that determine the order of a record. They are also the content of a digest entry or an accusation. */
export type Key = Pick<PeerRecord, "name" | "generation" | "incarnation" | "status">

/** Rank of each status within one incarnation, and its number on the wire. */
export const rank: { readonly [S in Status]: number } = { alive: 0, suspect: 1, failed: 2, left: 3 }

/** Returns whether a record accuses its owner. */
export const isAccusation = ({ status }: Pick<PeerRecord, "status">): boolean =>
  status === "suspect" || status === "failed"

/** Statuses by their rank. */
export const statusOfRank: ReadonlyArray<Status> = ["alive", "suspect", "failed", "left"]

/**
 * Compares two keys of one name: by generation, then incarnation, then status. Returns 0 for equal keys. `left` is a
 * status like the others: its owner refutes it with a greater incarnation, which a peer that has left never writes.
 */
export const compareKeys = (a: Key, b: Key): number => {
  if (a.generation !== b.generation) return a.generation - b.generation
  if (a.incarnation !== b.incarnation) return a.incarnation - b.incarnation
  return rank[a.status] - rank[b.status]
}

/**
 * Compares two records of one name: by their keys, then by the hash of the body. Equal keys with different bodies occur
 * only if an owner published two bodies under one incarnation. The hash makes all peers choose the same body.
 */
export const compare = (a: PeerRecord, b: PeerRecord): number => {
  const keys = compareKeys(a, b)
  if (keys !== 0 || isSameBody(a.body, b.body)) return keys
  const x = bodyHash(a.body)
  const y = bodyHash(b.body)
  return x === y ? 0 : x < y ? -1 : 1
}

/** Returns whether two bodies have the same content. Costs less than two hashes, and usually nothing. */
export const isSameBody = (a: Body, b: Body): boolean =>
  a === b ||
  (a.versionMin === b.versionMin &&
    a.versionMax === b.versionMax &&
    isSameList(a.addresses, b.addresses) &&
    isSameList(a.features, b.features) &&
    isSameMetadata(a.metadata, b.metadata))

const isSameList = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && a.every((each, index) => each === b[index])

const isSameMetadata = (a: Body["metadata"], b: Body["metadata"]): boolean => {
  const keys = Object.keys(a)
  return (
    a === b ||
    (keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]))
  )
}

/** Computes the 64-bit hash of a body (docs/protocol.md, section "Hashes"). */
export const bodyHash = (body: Body): bigint => {
  const hash = new Hash64()
  hash.u32(body.versionMin)
  hash.u32(body.versionMax)
  hash.u32(body.addresses.length)
  for (const address of body.addresses) hash.text(address)
  hash.u32(body.features.length)
  for (const feature of body.features) hash.text(feature)
  const pairs = Object.entries(body.metadata).sort(([a], [b]) => compareNames(a, b))
  hash.u32(pairs.length)
  for (const [key, value] of pairs) {
    hash.text(key)
    hash.text(value)
  }
  return hash.digest()
}

/**
 * Computes the share of one member in the view hash, which is the XOR of the shares of all members that are alive or
 * suspected (docs/protocol.md, section "Hashes").
 */
export const memberHash = (key: Pick<PeerRecord, "name" | "generation" | "incarnation">): bigint => {
  const hash = new Hash64()
  hash.text(key.name)
  hash.u64(key.generation)
  hash.u32(key.incarnation)
  return hash.digest()
}

const utf8 = new TextEncoder()

/** Computes the size of metadata in bytes, by the definition of {@link maxMetadataBytes}. */
export const metadataBytes = (metadata: Readonly<Record<string, string>>): number => {
  let total = 0
  for (const [key, value] of Object.entries(metadata)) total += utf8.encode(key).length + utf8.encode(value).length
  return total
}

/** Returns the problem of pairs that cannot be the metadata of a peer, or `undefined`. */
export const metadataProblem = (metadata: Readonly<Record<string, string>>): string | undefined => {
  const pairs = Object.entries(metadata)
  if (pairs.length > maxMetadataPairs) return `at most ${maxMetadataPairs} pairs`
  for (const [key, value] of pairs) {
    // An application without types may pass any value.
    if (typeof value !== "string") return `the value of "${key}" is not text`
    if (!key.isWellFormed() || !value.isWellFormed()) return `"${key}" is not well-formed Unicode`
  }
  const bytes = metadataBytes(metadata)
  return bytes > maxMetadataBytes ? `${bytes} bytes of metadata; the limit is ${maxMetadataBytes}` : undefined
}
