/**
 * R3 (indirect probes), the side of the asking node: the members that this node asks in a probe round, and the members
 * that have answered. `failureDetection.ts` acts on the answers.
 */
import * as Prng from "../internal/prng.ts"
import type { ProbeResult } from "../protocol/Frame.ts"
import * as Draft from "./Draft.ts"
import * as Member from "./Member.ts"
import { atLeastOne, maxProbeBackoff } from "./Settings.ts"
import type { ProbingRound } from "./State.ts"
import * as State from "./State.ts"

/** Fields that all batches of probe requests of one round share. */
export type RoundStart = Pick<ProbingRound, "startedAt" | "probed" | "backoff" | "graceUntil">

/**
 * Returns a new round about a peer. Its pauses continue to grow. `graceUntil` defaults to the value of the previous
 * round.
 */
export const startOf = ({ now, state }: Draft.Draft, name: string, graceUntil?: number): RoundStart => {
  const last = state.rounds.get(name)
  return {
    startedAt: now,
    probed: new Set(),
    backoff: last?.backoff ?? state.settings.heartbeat,
    graceUntil: graceUntil ?? last?.graceUntil ?? now + State.effectiveLinkTimeout(state),
  }
}

/** Sends probe requests to members that this node has not asked in this round. */
export const sendProbes = (draft: Draft.Draft, name: string, round: RoundStart): void => {
  const { now, state } = draft
  const { settings } = state
  // If a newer life is a candidate, this node asks about the newer life.
  const target = state.candidates.get(name) ?? state.members.get(name)
  if (target === undefined) return Draft.setRound(draft, name, undefined)
  const { generation } = target.record
  const chosen = draw(draft, name, round.probed)
  state.lastProbe = (state.lastProbe + 1) >>> 0
  Draft.setRound(draft, name, {
    _tag: "Probing",
    id: state.lastProbe,
    generation,
    startedAt: round.startedAt,
    until: now + settings.probeTimeout,
    probed: new Set([...round.probed, ...chosen]),
    awaiting: new Set(chosen),
    negatives: 0,
    backoff: round.backoff,
    graceUntil: round.graceUntil,
  })
  const deadline = Math.ceil(settings.probeTimeout / 2)
  Draft.send(draft, chosen, { _tag: "ProbeRequest", id: state.lastProbe, target: name, generation, deadline })
}

/**
 * Draws members to ask about a peer. The member that last reached the peer is among them, because it probably still
 * reaches the peer. Where few members reach the peer, a random draw would miss them.
 */
const draw = ({ state }: Draft.Draft, name: string, probed: ReadonlySet<string>): ReadonlyArray<string> => {
  const { linked } = state
  const mayProbe = (each: string): boolean => each !== name && !probed.has(each)
  const last = state.members.get(name)?.lastReachedBy
  const preferred = last !== undefined && linked.has(last) && mayProbe(last) ? [last] : []
  const fanOut = atLeastOne(state.settings.probeFanOut(state.size))
  const isOther = (each: string): boolean => each !== last && mayProbe(each)
  const [seed, drawn] = Prng.sample(state.seed, linked, fanOut - preferred.length, isOther)
  state.seed = seed
  return [...preferred, ...drawn]
}

/** Returns the round that waits for this answer, with the name of the peer in question. */
export const findRound = (
  { state }: Draft.Draft,
  from: string,
  id: ProbeResult["id"],
): { readonly name: string; readonly round: ProbingRound } | undefined => {
  for (const name of state.awaited.get(from)?.keys() ?? []) {
    const round = state.rounds.get(name)
    if (round?._tag === "Probing" && round.id === id) return { name, round }
  }
  return undefined
}

/** Returns the rounds that wait for an answer of a member, with the names of the peers in question. */
export const roundsAwaiting = (
  { state }: Draft.Draft,
  from: string,
): ReadonlyArray<readonly [name: string, round: ProbingRound]> => {
  const rounds: Array<readonly [string, ProbingRound]> = []
  for (const name of state.awaited.get(from)?.keys() ?? []) {
    const round = state.rounds.get(name)
    if (round?._tag === "Probing") rounds.push([name, round])
  }
  return rounds
}

/** Stores that a member has answered or can no longer answer. */
export const stopAwaiting = (
  draft: Draft.Draft,
  name: string,
  round: ProbingRound,
  from: string,
  negatives = round.negatives,
): void => {
  const awaiting = new Set(round.awaiting)
  awaiting.delete(from)
  Draft.setRound(draft, name, { ...round, negatives, awaiting })
}

/**
 * Returns whether this node can ask further members in this round. About a candidate it asks few members each time,
 * because most members know nothing about it.
 */
export const hasOthersToProbe = ({ state }: Draft.Draft, name: string, { probed }: RoundStart): boolean => {
  const member = state.members.get(name)
  if (member === undefined || !Member.needsProbe(member)) return false
  // The peer in question has no link, so it is not in `linked`.
  for (const each of state.linked) if (!probed.has(each)) return true
  return false
}

/** Returns whether this node's own first dial may still succeed before the peer is suspected. */
export const isDialing = ({ state }: Draft.Draft, name: string): boolean => {
  const member = state.members.get(name)
  return !state.candidates.has(name) && member?.standing._tag === "Alive" && Member.dialOf(member) === "pending"
}

/**
 * Pauses before the next round. Each pause is twice as long as the one before, up to {@link maxProbeBackoff}
 * heartbeats.
 */
export const waitBeforeNextRound = (
  draft: Draft.Draft,
  name: string,
  backoff = draft.state.rounds.get(name)?.backoff ?? draft.state.settings.heartbeat,
): void =>
  Draft.setRound(draft, name, {
    _tag: "Waiting",
    until: draft.now + backoff,
    backoff: Math.min(2 * backoff, maxProbeBackoff * draft.state.settings.heartbeat),
    graceUntil: undefined,
  })

/** Extends the time for answers after a stall of this node, because answers may have arrived unread. */
export const extendDeadlines = (draft: Draft.Draft): void => {
  const { now, state } = draft
  for (const [name, round] of state.rounds) {
    if (round._tag !== "Probing") continue
    Draft.setRound(draft, name, { ...round, until: Math.max(round.until, now + state.settings.probeTimeout) })
  }
}
