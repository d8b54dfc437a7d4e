/**
 * Asking others about a peer that this node cannot reach itself (docs/protocol.md R3). Only when nobody asked can reach it
 * either is it suspected, and only when that is still so at the end is it called failed.
 */
import type { ProbeResult } from "../protocol/Frame.ts"
import * as Prng from "../internal/prng.ts"
import * as Draft from "./Draft.ts"
import * as Health from "./health.ts"
import * as Partition from "./partition.ts"
import * as RecordMerge from "./recordMerge.ts"
import { atLeastOne } from "./Settings.ts"
import type { Candidate, Member, ProbeRound } from "./State.ts"
import * as State from "./State.ts"

type Asking = ProbeRound & { readonly _tag: "Probing" }

/**
 * Asks about a peer, from the beginning; the pauses between the rounds go on growing. Its silence is
 * borne from now on for as long as a link would bear it, if nothing else is said here or was before.
 */
export const begin = (draft: Draft.Draft, name: string, graceUntil?: number): void => {
  const before = draft.state.rounds.get(name)
  sendProbes(draft, name, {
    startedAt: draft.now,
    asked: new Set(),
    pause: before?.pause ?? draft.state.settings.heartbeat,
    graceUntil: graceUntil ?? before?.graceUntil ?? draft.now + State.effectiveLinkTimeout(draft.state),
  })
}

/** Asks some who were not asked yet. */
const sendProbes = (
  draft: Draft.Draft,
  name: string,
  round: Pick<Asking, "startedAt" | "asked" | "pause" | "graceUntil">,
): void => {
  const { now, state } = draft
  const { settings } = state
  // A newer life that is known by hearsay is looked for, and the older one no more.
  const target = state.candidates.get(name) ?? state.members.get(name)
  if (target === undefined) return Draft.setRound(draft, name, undefined)
  const others = State.linked(state).filter((each) => each !== name && !round.asked.has(each))
  const fanOut = atLeastOne(settings.probeFanOut(state.size))
  // Who reached it the last time mostly does again; where few do, chance would miss them.
  const through = state.members.get(name)?.through
  const [known, rest] = [others.filter((each) => each === through), others.filter((each) => each !== through)]
  const [seed, drawn] = Prng.sample(state.seed, rest, fanOut - known.length)
  const chosen = [...known, ...drawn]
  state.seed = seed
  state.lastProbe = (state.lastProbe + 1) >>> 0
  const { generation } = target.record
  Draft.setRound(draft, name, {
    _tag: "Probing",
    id: state.lastProbe,
    generation,
    startedAt: round.startedAt,
    until: now + settings.probeTimeout,
    asked: new Set([...round.asked, ...chosen]),
    waiting: new Set(chosen),
    doubts: 0,
    pause: round.pause,
    graceUntil: round.graceUntil,
  })
  const deadline = Math.ceil(settings.probeTimeout / 2)
  Draft.send(draft, chosen, { _tag: "ProbeRequest", id: state.lastProbe, target: name, generation, deadline })
  settle(draft, name)
}

/** An answer, of somebody who was asked. */
export const answered = (draft: Draft.Draft, from: string, { id, verdict }: ProbeResult): void => {
  for (const [name, round] of draft.state.rounds) {
    if (round._tag !== "Probing" || round.id !== id || !round.waiting.has(from)) continue
    if (verdict === "up") return reached(draft, name, round, from)
    const doubts = round.doubts + Number(verdict !== "unknown")
    Draft.setRound(draft, name, { ...round, doubts, waiting: without(round.waiting, from) })
    return settle(draft, name)
  }
}

const without = (names: ReadonlySet<string>, name: string): ReadonlySet<string> => {
  const rest = new Set(names)
  rest.delete(name)
  return rest
}

/** A peer cannot answer any more: its link is over. */
export const forget = (draft: Draft.Draft, peer: string): void => {
  if (draft.state.phase._tag !== "Running") return
  for (const [name, round] of draft.state.rounds) {
    if (round._tag !== "Probing" || !round.waiting.has(peer)) continue
    Draft.setRound(draft, name, { ...round, waiting: without(round.waiting, peer) })
    settle(draft, name)
  }
}

/** This node could not dial a peer; `refused` if at every address somebody said that it is not there. */
export const dialFailed = (draft: Draft.Draft, name: string, refused: boolean): void => {
  const { candidates, members, rounds, settings } = draft.state
  const round = rounds.get(name)
  const member = members.get(name)
  const candidate = candidates.get(name)
  if (candidate !== undefined) {
    // Two that have just heard of each other mostly meet by themselves, and who is met is better than who is heard of.
    if (draft.now < candidate.expiresAt - settings.candidateTimeout + settings.linkTimeout) return
    // Whom only hearsay knows is asked about with growing pauses, and few of them at a time, for it may be a lie of many.
    const isAsked = round?._tag === "Probing" ? round.generation === candidate.record.generation : !isLost(member)
    const mayBegin = round !== undefined || hearsayRounds(draft) < settings.probesPerPeer
    if ((round === undefined || !isAsked) && mayBegin && State.linked(draft.state).length > 0) begin(draft, name)
    return
  }
  if (!isLost(member)) return
  Draft.editMember(draft, name, { dial: refused ? "refused" : "failed" })
  if (round?._tag === "Probing") settle(draft, name)
}

const hearsayRounds = ({ state: { candidates, rounds } }: Draft.Draft): number => {
  let count = 0
  for (const name of rounds.keys()) if (candidates.has(name)) count++
  return count
}

const isLost = (member: Member | undefined): member is Member => member !== undefined && State.needsProbe(member)

/** Whether this node's own first attempt to reach a peer may still succeed, before it is suspected. */
const isDialling = (draft: Draft.Draft, name: string): boolean => {
  const member = draft.state.members.get(name)
  return !draft.state.candidates.has(name) && member?.suspicion === undefined && member?.dial === "pending"
}

/** Goes on when everybody has answered, and this node's own attempt has ended. */
const settle = (draft: Draft.Draft, name: string): void => {
  const round = draft.state.rounds.get(name)
  if (round?._tag !== "Probing" || round.waiting.size > 0 || isDialling(draft, name)) return
  if (round.doubts === 0 && hasOthers(draft, name, round)) return sendProbes(draft, name, round)
  conclude(draft, name, round)
}

/** Whether somebody is left to be asked. About whom only hearsay knows a few are asked each time: mostly they know nothing. */
const hasOthers = (draft: Draft.Draft, name: string, { asked }: Asking): boolean =>
  isLost(draft.state.members.get(name)) && State.linked(draft.state).some((each) => each !== name && !asked.has(each))

/** The time for the answers is over. */
const timeUp = (draft: Draft.Draft, name: string, round: Asking): void => {
  const { now, state } = draft
  if (round.doubts === 0) {
    // Nobody says anything: it may be this node that hears nothing.
    if (round.waiting.size > 0) Health.worsen(draft)
    if (hasOthers(draft, name, round)) return sendProbes(draft, name, round)
    const patience = state.settings.linkTimeout + state.settings.probeTimeout
    if (isDialling(draft, name) && now < round.startedAt + patience) {
      const until = Math.min(now + state.settings.probeTimeout, round.startedAt + patience)
      return Draft.setRound(draft, name, { ...round, waiting: new Set(), until })
    }
  }
  conclude(draft, name, round)
}

/** Nobody reaches the peer. */
const conclude = (draft: Draft.Draft, name: string, { graceUntil: graceUntil, generation, pause }: Asking): void => {
  const { now, state } = draft
  const member = state.members.get(name)
  if (!isLost(member)) return Draft.waitBeforeNextRound(draft, name, pause)
  // The newer life that was asked about was forgotten meanwhile, or is over, and nothing was said about this one.
  if (member.record.generation !== generation && state.candidates.get(name)?.record.generation !== generation) {
    return begin(draft, name)
  }
  // Half a second of silence must not count for more because there is no link. Whom others suspect they have not heard for
  // long enough, and who refuses is not there.
  if (member.suspicion === undefined && member.dial !== "refused" && now < graceUntil) {
    const until = now + state.settings.heartbeat
    return Draft.setRound(draft, name, { _tag: "Waiting", until, pause, graceUntil: graceUntil })
  }
  Draft.setRound(draft, name, { _tag: "Waiting", until: now + pause, pause, graceUntil: undefined })
  if (State.linked(state).length === 0 && member.dial !== "refused") Partition.isolate(draft)
  RecordMerge.suspectUnreachable(draft, name)
  const suspicion = draft.state.members.get(name)?.suspicion
  if (suspicion !== undefined && now >= State.suspicionDeadline(draft.state, suspicion)) RecordMerge.fail(draft, name)
}

/** Somebody has just heard of the peer (R3), or of one that this node never met (R2). */
const reached = (draft: Draft.Draft, name: string, { generation, pause }: Asking, through: string): void => {
  const { candidates, members } = draft.state
  const candidate = candidates.get(name)
  if (candidate?.record.generation === generation) return meet(draft, name, candidate, through)
  const member = members.get(name)
  if (!isLost(member)) return Draft.setRound(draft, name, undefined)
  // The newer life that was asked about was forgotten meanwhile, or is over, and the older is looked for as before.
  if (member.record.generation !== generation) return begin(draft, name)
  Draft.waitBeforeNextRound(draft, name, pause)
  const suspicion = member.suspicion === undefined ? undefined : { ...member.suspicion, since: draft.now }
  const next = Draft.editMember(draft, name, { link: "indirect", through, suspicion })
  if (next !== undefined && member.link !== "indirect") {
    Draft.emit(draft, { _tag: "Unreachable", peer: State.toPeer(next) })
  }
}

/** R2: a member whom this node knows through the eyes of another. */
const meet = (draft: Draft.Draft, name: string, { record }: Candidate, through: string): void => {
  const old = draft.state.members.get(name)
  if (record.status !== "alive" || old?.link === "up") return Draft.waitBeforeNextRound(draft, name)
  Draft.removeTombstone(draft, name)
  Draft.setCandidate(draft, name, undefined)
  Draft.addMember(draft, { ...Draft.makeMember(record, "indirect", undefined), through })
  Draft.waitBeforeNextRound(draft, name)
}

/** What is due of the rounds. */
export const tick = (draft: Draft.Draft): void => {
  const { now, state } = draft
  for (const [name, round] of state.rounds) {
    if (now < State.roundDeadline(draft.state, name, round)) continue
    if (round._tag === "Waiting") begin(draft, name)
    else timeUp(draft, name, round)
  }
}

/** After a stall of this node the answers may be here and not read yet. */
export const postpone = (draft: Draft.Draft): void => {
  const { now, state } = draft
  const { probeTimeout } = state.settings
  for (const [name, round] of state.rounds) {
    if (round._tag !== "Probing") continue
    Draft.setRound(draft, name, { ...round, until: Math.max(round.until, now + probeTimeout) })
  }
}
