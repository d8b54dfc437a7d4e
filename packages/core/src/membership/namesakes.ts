/**
 * R8 (newer lives of this node's name). A report of a newer life is only a claim, whatever its source: a faulty member
 * or a restored snapshot may report one. This node dials the claimed lives in turn. It stops after a complete handshake
 * with the newer life. It also stops if it has no link and members that it dials refuse it. A node that has met no peer
 * takes a higher generation instead.
 */
import type { Address } from "../Address.ts"
import * as Draft from "./Draft.ts"
import { maxInstance } from "../protocol/constants.ts"
import { compareProcesses, type Process } from "../protocol/processOrder.ts"
import * as Plausibility from "./plausibility.ts"
import { raiseGeneration } from "./selfRecord.ts"
import { displacementWindow, maxClaims } from "./Settings.ts"
import type { Claim } from "./State.ts"

/** The refusal of a handshake by a peer, because a newer life or another process of this life has this node's name. */
export interface NameTaken {
  readonly _tag: "NameTaken"
  /** Generation and instance of this node in the handshake. */
  readonly generation: number
  readonly instance: number
  /** Lowest generation that the peer accepts. */
  readonly atLeastGeneration: number
  /**
   * Name of the peer that this node dialed at one of the peer's own addresses; `undefined` for a seed, and if the peer
   * dialed.
   */
  readonly dialed: string | undefined
}

/** Origin of a claim. */
export interface ClaimSource {
  /** Addresses at which the newer life listens, according to the claim. */
  readonly addresses: ReadonlyArray<Address>
  /** Name of the peer that makes the claim. */
  readonly announcer: string
}

/**
 * Handles the claim that a newer life of this node's name exists. This node dials the claims in turn until they expire,
 * one claim per announcer. An announcer with unreachable addresses therefore takes no place from the others. A further
 * claim of an announcer is ignored until the dial of its first claim has failed. The claim that is being dialed stays
 * first, and a new claim is the next.
 */
export const onClaim = (draft: Draft.Draft, generation: number, source: ClaimSource | undefined): void => {
  const { now, state } = draft
  if (Plausibility.isFutureLife(draft, generation)) return diagnoseGeneration(draft)
  if (source === undefined || source.addresses.length === 0) return diagnoseClaim(draft)
  const { addresses, announcer } = source
  const known = state.claims.get(announcer)
  if (known !== undefined && (!known.hasFailed || isSameClaim(known, generation, addresses))) return
  const claim: Claim = {
    generation,
    addresses,
    expiresAt: now + state.settings.candidateTimeout,
    hasFailed: false,
  }
  // The new claim keeps the place of the claim that it replaces. An announcer that always makes new claims therefore
  // gets one dial per round.
  if (known !== undefined) return Draft.setClaims(draft, new Map(state.claims).set(announcer, claim))
  const others = withRoom([...state.claims])
  if (others === undefined) return diagnoseClaim(draft)
  Draft.setClaims(draft, [...others.slice(0, 1), [announcer, claim], ...others.slice(1)])
}

type Entry = readonly [announcer: string, claim: Claim]

const isSameClaim = (known: Claim, generation: number, addresses: ReadonlyArray<Address>): boolean =>
  known.generation === generation && known.addresses.join() === addresses.join()

/**
 * Returns the claims with room for one more. At the maximum, removes the last claim whose dial failed. Returns
 * `undefined` if there is no such claim.
 */
const withRoom = (claims: ReadonlyArray<Entry>): ReadonlyArray<Entry> | undefined => {
  if (claims.length < maxClaims) return claims
  const last = claims.findLastIndex(([, { hasFailed }]) => hasFailed)
  return last < 0 ? undefined : claims.toSpliced(last, 1)
}

/** Handles a dial of the first claim that failed or proved nothing. The next claim is dialed. */
export const onDialFailed = (draft: Draft.Draft): void => {
  const [first, ...others] = draft.state.claims
  if (first === undefined) return
  const [announcer, claim] = first
  Draft.setClaims(draft, [...others, [announcer, { ...claim, hasFailed: true }]])
}

/** Removes the claims whose time has passed. */
export const expire = (draft: Draft.Draft): void => {
  const { now, state } = draft
  const left = [...state.claims].filter(([, { expiresAt }]) => now < expiresAt)
  if (left.length === state.claims.size) return
  Draft.setClaims(draft, left)
  diagnoseClaim(draft)
}

/**
 * Handles a complete handshake with another process of this node's name. The older of the two processes stops, if it
 * has met other peers.
 */
export const onMet = (draft: Draft.Draft, other: Process): void => {
  const { instance, members, phase, self } = draft.state
  const isNewer = compareProcesses(other, { generation: self.generation, instance }) > 0
  if (phase._tag === "Running" && isNewer && members.size > 0) Draft.stop(draft, "superseded")
}

/**
 * Handles that a peer closed the link for a better link that this process does not have. A single case may be a
 * connection that was lost before it was up on this side. A second case within {@link displacementWindow} shows that
 * another process has this node's generation and instance, such as a copy of its memory. This process then takes a
 * greater instance to distinguish the two. The process with the greater instance stays.
 */
export const onDisplaced = (draft: Draft.Draft, draw: number): void => {
  const { now, state } = draft
  const isRepeated = state.displacedAt !== undefined && now < state.displacedAt + displacementWindow
  state.displacedAt = isRepeated ? undefined : now
  if (!isRepeated) return
  // The refusal was of the process with the earlier instance.
  state.refusal = undefined
  state.instance = Math.min(state.instance + 1 + draw, maxInstance)
}

/**
 * Handles a refusal of this node's life. This node ignores an answer to a Hello from before it took its generation and
 * instance, because the peer may have met this process under the new ones.
 */
export const onNameTaken = (draft: Draft.Draft, refusal: NameTaken): void => {
  const { atLeastGeneration, dialed, generation } = refusal
  const { instance, members, phase, self } = draft.state
  const isCurrent = generation === self.generation && refusal.instance === instance
  if (phase._tag !== "Running" || !isCurrent || atLeastGeneration <= generation) return
  if (Plausibility.isFutureLife(draft, atLeastGeneration)) return diagnoseGeneration(draft)
  if (members.size === 0) return raiseGeneration(draft, atLeastGeneration)
  if (dialed !== undefined && members.has(dialed) && draft.state.linked.size === 0) {
    return onRefusedByMember(draft, dialed)
  }
  diagnoseClaim(draft)
}

/**
 * Handles a refusal by a member, while this node has no link. A refusal does not prove who sends it, and another process
 * may listen at an address of the member. This node therefore stops when a second member refuses it too, or when the
 * member still refuses it after the longest suspicion. A living member that does not refuse this node gives it a link in
 * that time.
 */
const onRefusedByMember = (draft: Draft.Draft, by: string): void => {
  const { now, state } = draft
  const { refusal } = state
  if (refusal === undefined) {
    state.refusal = { by, at: now }
    return diagnoseClaim(draft)
  }
  if (refusal.by === by && now < refusal.at + state.settings.suspicionMax) return diagnoseClaim(draft)
  Draft.stop(draft, "superseded")
}

const diagnoseGeneration = (draft: Draft.Draft): void =>
  Draft.diagnose(
    draft,
    "ignored a claim of this node's name: the generation is more than a day ahead of this node's clock; correct the clocks",
  )

const diagnoseClaim = (draft: Draft.Draft): void =>
  Draft.diagnose(draft, "ignored a claim of a newer life of this node's name: no handshake proved it")
