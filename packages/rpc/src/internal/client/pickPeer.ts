/** Rules that pick one of several peers. They are pure: chance and measurements are arguments. */
import type * as Rendezvous from "@coterie/core/Rendezvous"
import type { NonEmptyReadonlyArray } from "effect/Array"

/** A peer that serves the service. */
export interface Candidate extends Rendezvous.Candidate {
  readonly generation: number
}

/**
 * Ratio of a round-trip time to the lowest one up to which a peer counts as near. The times to machines in one data
 * center differ by less, and those to another region by more.
 */
const nearRatio = 2

/**
 * Picks two candidates at random, and returns the one with fewer requests in flight. Two choices keep the largest
 * number of requests low without comparing all peers, and callers that see equal numbers do not all pick the same peer.
 *
 * @see Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001)
 */
export const leastRequests = (
  candidates: NonEmptyReadonlyArray<Candidate>,
  inFlight: (name: string) => number,
  [first, second]: readonly [number, number],
): Candidate => {
  const { length } = candidates
  const i = Math.floor(first * length)
  const one = candidates[i] ?? candidates[0]
  if (length === 1) return one
  const j = Math.floor(second * (length - 1))
  const other = candidates[j < i ? j : j + 1] ?? one
  return inFlight(other.name) < inFlight(one.name) ? other : one
}

/**
 * Returns the candidates whose round-trip time is at most twice the lowest. Returns all candidates if no time is known.
 */
export const nearest = (
  candidates: NonEmptyReadonlyArray<Candidate>,
  millisOf: (candidate: Candidate) => number | undefined,
): NonEmptyReadonlyArray<Candidate> => {
  let lowest = Number.POSITIVE_INFINITY
  for (const candidate of candidates) lowest = Math.min(lowest, millisOf(candidate) ?? lowest)
  const [first, ...near] = candidates.filter(
    (candidate) => (millisOf(candidate) ?? Number.POSITIVE_INFINITY) <= lowest * nearRatio,
  )
  return first === undefined ? candidates : [first, ...near]
}
