/**
 * R8 (newer lives of this node's name). That one exists is a claim, whoever says it: a member with a fault or a restored snapshot
 * may say so. This node dials the claimed lives in turn. It stops once a handshake with the newer life was complete, or once it has no link
 * and a member that it dials refuses it. A node that has met nobody takes a higher generation instead.
 */
import type { Address } from "../Address.ts"
import * as Draft from "./Draft.ts"
import { maxInstance } from "../protocol/constants.ts"
import { compareProcesses, type Process } from "../protocol/processOrder.ts"
import * as Plausibility from "./plausibility.ts"
import { raiseGeneration } from "./selfRecord.ts"
import { displacementWindow, maxClaims } from "./Settings.ts"
import type { Claim } from "./State.ts"

/** A peer refused a handshake because a newer life, or another process of this life, has this node's name. */
export interface NameTaken {
  readonly _tag: "NameTaken"
  /** Generation and instance of this node in the handshake. */
  readonly generation: number
  readonly instance: number
  /** Lowest generation that the peer would accept. */
  readonly atLeastGeneration: number
  /** Name of the peer that was dialed at an address of its own; `undefined` for a seed, and if the peer dialed. */
  readonly dialed: string | undefined
}

/** Origin of a claim. */
export interface ClaimSource {
  /** Addresses at which the newer life is said to listen. */
  readonly addresses: ReadonlyArray<Address>
  /** Name of the peer that says so. */
  readonly announcer: string
}

/**
 * Handles the claim that a newer life of this node's name exists. Claims are dialed in turn for a while, one of each announcer, so
 * that an announcer with dead addresses takes no place from the others. A further claim of an announcer is ignored until the dial
 * of its first one failed. The claim that is dialed at the moment stays first, and a new one is the next.
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
  // It keeps the place of the claim that it replaces, so that an announcer with ever new claims has one dial in each round.
  if (known !== undefined) return Draft.setClaims(draft, new Map(state.claims).set(announcer, claim))
  const others = withRoom([...state.claims])
  if (others === undefined) return diagnoseClaim(draft)
  Draft.setClaims(draft, [...others.slice(0, 1), [announcer, claim], ...others.slice(1)])
}

type Entry = readonly [announcer: string, claim: Claim]

const isSameClaim = (known: Claim, generation: number, addresses: ReadonlyArray<Address>): boolean =>
  known.generation === generation && known.addresses.join() === addresses.join()

/** Returns the claims with room for one more: at the bound, without the last whose dial failed. `undefined` if there is none. */
const withRoom = (claims: ReadonlyArray<Entry>): ReadonlyArray<Entry> | undefined => {
  if (claims.length < maxClaims) return claims
  const last = claims.findLastIndex(([, { hasFailed }]) => hasFailed)
  return last < 0 ? undefined : claims.toSpliced(last, 1)
}

/** Handles that the first claim could not be dialed, or proved nothing: the next one is dialed. */
export const onDialFailed = (draft: Draft.Draft): void => {
  const [first, ...others] = draft.state.claims
  if (first === undefined) return
  const [announcer, claim] = first
  Draft.setClaims(draft, [...others, [announcer, { ...claim, hasFailed: true }]])
}

/** Gives up the claims whose time is over. */
export const expire = (draft: Draft.Draft): void => {
  const { now, state } = draft
  const left = [...state.claims].filter(([, { expiresAt }]) => now < expiresAt)
  if (left.length === state.claims.size) return
  Draft.setClaims(draft, left)
  diagnoseClaim(draft)
}

/** Handles a complete handshake with another process of this node's name: the older of the two stops, if it has met others. */
export const onMet = (draft: Draft.Draft, other: Process): void => {
  const { instance, members, phase, self } = draft.state
  const isNewer = compareProcesses(other, { generation: self.generation, instance }) > 0
  if (phase._tag === "Running" && isNewer && members.size > 0) Draft.stop(draft, "superseded")
}

/**
 * Handles that a peer closed the link for a better one that this process does not have. Once, that may be a connection that was
 * lost before it was up here. Twice within {@link displacementWindow}, another process has this node's generation and instance,
 * as a copy of its memory has. This process then takes a greater instance, which tells the two apart: the greater stays.
 */
export const onDisplaced = (draft: Draft.Draft, draw: number): void => {
  const { now, state } = draft
  const isRepeated = state.displacedAt !== undefined && now < state.displacedAt + displacementWindow
  state.displacedAt = isRepeated ? undefined : now
  if (isRepeated) state.instance = Math.min(state.instance + 1 + draw, maxInstance)
}

/**
 * Handles a refusal of this node's life. A refusal alone may be that of a stranger, or of a member with a fault, so it stops only
 * a node that has no link, and nobody left to ask. An answer to a Hello from before this node took its generation and instance is
 * ignored: the peer may have met this process itself under the new ones.
 */
export const onNameTaken = (draft: Draft.Draft, refusal: NameTaken): void => {
  const { atLeastGeneration, dialed, generation } = refusal
  const { instance, members, phase, self } = draft.state
  const isCurrent = generation === self.generation && refusal.instance === instance
  if (phase._tag !== "Running" || !isCurrent || atLeastGeneration <= generation) return
  if (Plausibility.isFutureLife(draft, atLeastGeneration)) return diagnoseGeneration(draft)
  if (members.size === 0) return raiseGeneration(draft, atLeastGeneration)
  const isByMember = dialed !== undefined && members.has(dialed)
  if (isByMember && draft.state.linked.size === 0) return Draft.stop(draft, "superseded")
  diagnoseClaim(draft)
}

const diagnoseGeneration = (draft: Draft.Draft): void =>
  Draft.diagnose(draft, "a generation of this node's own name more than a day ahead was claimed; ignored")

const diagnoseClaim = (draft: Draft.Draft): void =>
  Draft.diagnose(draft, "a newer life of this node's own name was claimed, and nothing proves it; ignored")
