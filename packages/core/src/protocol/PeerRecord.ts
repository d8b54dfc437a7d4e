/**
 * What a peer says about itself, and the one order in which everybody keeps the newest of it
 * (docs/protocol.md, section "Records").
 *
 * A record is written by the peer it describes; others may only copy it and accuse (`suspect`,
 * `failed`). Records of one name are totally ordered and merging takes the greater, so merging is
 * commutative, associative and idempotent, and every peer that has heard the same things believes the
 * same thing.
 */
import type { Address } from "../Address.ts"
import * as Hash64 from "../internal/hash64.ts"
import type { PeerStatus } from "../Peer.ts"
import { compareNames } from "./PeerName.ts"

/** Status of a record; see {@link PeerStatus}. */
export type Status = PeerStatus

/**
 * The part of a record that only its owner may change, by raising the incarnation.
 */
export interface Body {
  /** Where the peer says it can be reached, the best first; at most 8. */
  readonly addresses: ReadonlyArray<Address>
  /** Free text pairs of the application; at most 8 KiB in all. */
  readonly metadata: Readonly<Record<string, string>>
  readonly versionMin: number
  readonly versionMax: number
  /** Names of optional parts of the protocol that the peer speaks; at most 32. */
  readonly features: ReadonlyArray<string>
}

/** One record: who, in which life and edition of it, believed to be how. */
export interface PeerRecord {
  readonly name: string
  readonly generation: number
  readonly incarnation: number
  readonly status: Status
  readonly body: Body
  /** With `suspect` and `failed`: the name of the peer that accuses. Not part of the order. */
  readonly by?: string | undefined
  /** With the same: the accuser's connection was refused, so that it is rather sure. Not part of the order. */
  readonly refused?: boolean | undefined
}

/** What orders a record and all that a digest or an accusation needs to say. */
export type Key = Pick<PeerRecord, "name" | "generation" | "incarnation" | "status">

/** The most addresses of one peer. */
export const maxAddresses = 8

/** The most optional features of one peer. */
export const maxFeatures = 32

/** The most bytes of metadata: keys and values in UTF-8, together. */
export const maxMetadataBytes = 8192

/** The greatest incarnation, so that it fits 32 bits on the wire. */
export const maxIncarnation = 0xffff_ffff

/** The place of a status within one incarnation, and its number on the wire. */
export const rank: { readonly [S in Status]: number } = { alive: 0, suspect: 1, failed: 2, left: 3 }

/** The status of each rank. */
export const statusOfRank: ReadonlyArray<Status> = ["alive", "suspect", "failed", "left"]

/**
 * The order of what is believed about one name: generation, then whether it left, then incarnation,
 * then status. Zero means that two records say the same.
 */
export const compareKeys = (a: Key, b: Key): number => {
  if (a.generation !== b.generation) return a.generation - b.generation
  const left = Number(a.status === "left") - Number(b.status === "left")
  if (left !== 0) return left
  if (a.incarnation !== b.incarnation) return a.incarnation - b.incarnation
  return rank[a.status] - rank[b.status]
}

/**
 * The order of records: their keys, and between equal keys the hash of the body. Equal keys with
 * different bodies happen only if an owner wrote two editions under one number; the hash makes all
 * peers pick the same one.
 */
export const compare = (a: PeerRecord, b: PeerRecord): number => {
  const keys = compareKeys(a, b)
  if (keys !== 0 || a.body === b.body) return keys
  const x = bodyHash(a.body)
  const y = bodyHash(b.body)
  return x === y ? 0 : x < y ? -1 : 1
}

/** The 64-bit hash of a body (docs/protocol.md, section "Hashes"). */
export const bodyHash = (body: Body): bigint => {
  const hash = Hash64.make()
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
 * One member's share of the view hash, which is the XOR of these over all members that are alive or
 * suspected (docs/protocol.md, section "Hashes").
 */
export const memberHash = (key: Pick<PeerRecord, "name" | "generation" | "incarnation">): bigint => {
  const hash = Hash64.make()
  hash.text(key.name)
  hash.u64(key.generation)
  hash.u32(key.incarnation)
  return hash.digest()
}

const utf8 = new TextEncoder()

/** The size of metadata in bytes, as {@link maxMetadataBytes} counts it. */
export const metadataBytes = (metadata: Readonly<Record<string, string>>): number => {
  let total = 0
  for (const [key, value] of Object.entries(metadata)) total += utf8.encode(key).length + utf8.encode(value).length
  return total
}
