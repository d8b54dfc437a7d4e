/**
 * Rendezvous hashing: all nodes give a key to the same one of several candidates, without talking to each other. Each
 * candidate gets a share of the keys in proportion to its weight. A candidate that comes or goes moves only its own
 * keys. The hash is a part of the protocol (docs/protocol.md, section "Rendezvous hashing"), so nodes of all versions
 * and languages agree.
 *
 * ```ts
 * import { Rendezvous } from "@coterie/core"
 *
 * const candidates = [
 *   Rendezvous.candidate("web-1"),
 *   Rendezvous.candidate("web-2"),
 *   Rendezvous.candidate("web-3", 2),
 * ]
 * const { name } = Rendezvous.owner(candidates, "user:7") ?? { name: "nobody" }
 * ```
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import { Hash64 } from "./internal/hash64.ts"
import { compareNames } from "./Peer.ts"

/**
 * Hash of a text, in two halves of 32 bits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hash {
  readonly high: number
  readonly low: number
}

/**
 * Candidate for keys. Make it once and keep it, because its hash costs more than its scores.
 *
 * @category models
 * @since 0.1.0
 */
export interface Candidate {
  readonly name: string
  /** Positive, finite number. With twice the weight, a candidate gets twice as many keys. */
  readonly weight: number
  /** Hash of the name. */
  readonly hash: Hash
}

/**
 * Returns the hash of a text. Use it for a key whose owner is computed many times.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hash = (text: string): Hash => {
  const state = new Hash64()
  state.text(text)
  const digest = state.digest()
  return { high: Number(digest >> 32n), low: Number(digest & 0xffff_ffffn) }
}

/**
 * Makes a candidate. The name is well-formed Unicode, as the names of peers are. The weight is a positive, finite
 * number, and defaults to 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const candidate = (name: string, weight = 1): Candidate => ({ name, weight, hash: hash(name) })

const hashOfKey = (key: string | Hash): Hash => (typeof key === "string" ? hash(key) : key)

/** Mixes 32 bits: the finalizer of MurmurHash3. */
const mix = (bits: number): number => {
  let x = bits
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35)
  return x ^ (x >>> 16)
}

const scoreOf = ({ hash: { high, low }, weight }: Candidate, key: Hash): number => {
  const a = mix(high ^ key.low)
  const b = mix(low ^ key.high ^ a)
  // 52 bits and a half: the number is exact, and never 0 or 1.
  const u = ((b >>> 0) * 2 ** 20 + (a >>> 12) + 0.5) / 2 ** 52
  return -weight / Math.log(u)
}

/**
 * Returns the score of a candidate for a key, a positive number. The candidate with the greatest score is the owner.
 *
 * @category scores
 * @since 0.1.0
 */
export const score = (of: Candidate, key: string | Hash): number => scoreOf(of, hashOfKey(key))

/**
 * Returns the owner of a key: the candidate with the greatest score. Of equal scores, the lower name (`Peer.compareNames`)
 * counts. Returns `undefined` if there is no candidate. The cost is O(candidates).
 *
 * @category owners
 * @since 0.1.0
 */
export function owner<C extends Candidate>(candidates: NonEmptyReadonlyArray<C>, key: string | Hash): C
export function owner<C extends Candidate>(candidates: Iterable<C>, key: string | Hash): C | undefined
export function owner<C extends Candidate>(candidates: Iterable<C>, key: string | Hash): C | undefined {
  const keyHash = hashOfKey(key)
  let best: C | undefined
  let bestScore = 0
  for (const each of candidates) {
    const itsScore = scoreOf(each, keyHash)
    if (best === undefined || isBefore(each, itsScore, best, bestScore)) {
      best = each
      bestScore = itsScore
    }
  }
  return best
}

const isBefore = (a: Candidate, scoreOfA: number, b: Candidate, scoreOfB: number): boolean =>
  scoreOfA > scoreOfB || (scoreOfA === scoreOfB && compareNames(a.name, b.name) < 0)

/**
 * Returns the `count` candidates with the greatest scores for a key, in descending order. The first one is the
 * {@link owner}. If it is gone, the second one becomes the owner. The cost is O(candidates × count).
 *
 * @category owners
 * @since 0.1.0
 */
export const owners = <C extends Candidate>(
  candidates: Iterable<C>,
  key: string | Hash,
  count: number,
): ReadonlyArray<C> => {
  const keyHash = hashOfKey(key)
  const best: Array<C> = []
  const scores: Array<number> = []
  for (const each of candidates) {
    const itsScore = scoreOf(each, keyHash)
    let at = best.length
    for (; at > 0; at--) {
      const [before, scoreBefore] = [best[at - 1], scores[at - 1]]
      if (before === undefined || scoreBefore === undefined || !isBefore(each, itsScore, before, scoreBefore)) break
    }
    if (at >= count) continue
    best.splice(at, 0, each)
    scores.splice(at, 0, itsScore)
    if (best.length > count) {
      best.pop()
      scores.pop()
    }
  }
  return best
}
