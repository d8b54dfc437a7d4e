/**
 * The transitions from a lost link to a failed member (docs/protocol.md R3 to R6): every change of a member's standing
 * and reach.
 *
 *
 * | event                                  | Alive     | Withheld  | Overruled    | Suspect    | Failed |
 * | -------------------------------------- | --------- | --------- | ------------ | ---------- | ------ |
 * | link lost (R3)                         | Alive     | Suspect   | Overruled    | Suspect    |        |
 * | another member reaches it (R3)         | Alive     |           | Overruled *  | Suspect *  |        |
 * | nobody reaches it (R4)                 | Suspect   |           | Suspect      | Suspect    |        |
 * | end of the suspicion, without link (R5)|           |           | Failed (d)   | Failed     | Failed |
 * | end of the suspicion, with link (R5)   |           |           | Overruled *  | Suspect *  |        |
 * | accusation by others, with link (R6)   | Withheld  | Withheld  | Withheld     | Suspect    |        |
 * | accusation by others, without link (R6)| Suspect   | Suspect   | Suspect      | Suspect    | Failed |
 * | `publishAt` is reached (R6)            |           | Suspect   |              |            |        |
 * | alive record of the owner (R4, R7)     | Alive     | Alive     | Alive        | Alive      | Alive  |
 * | link up, accusation refuted (R2, R10)  | Alive     | Alive     | Alive        | Alive      | Alive  |
 * | link up, accusation stands (R2, R10)   |           | Withheld *| Overruled *  | Overruled *| Overruled * |
 *
 * `*` restarts the timer of the suspicion. `(d)` occurs only after `disconnect`: this node does not dial a member that
 * it disconnected, and restarts the timer unless other members report the member as failed. An empty field cannot
 * occur, or changes nothing. The reach is `Linked` with a link. It is `Indirect` once another member reaches the member
 * or an alive record of the member arrives, and `Down` otherwise.
 *
 * {@link onSuspicionTimeout} is the only function that fails a member.
 */
import type { Address } from "../Address.ts"
import type { ProbeResult } from "../protocol/Frame.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Candidates from "./candidates.ts"
import * as Draft from "./Draft.ts"
import * as Gossip from "./gossip.ts"
import * as Health from "./health.ts"
import * as Member from "./Member.ts"
import * as Partition from "./partition.ts"
import * as Probing from "./probing.ts"
import type { ProbingRound } from "./State.ts"
import * as State from "./State.ts"
import { expectedConfirmations } from "./suspicionTimer.ts"

const emitPeer = (
  draft: Draft.Draft,
  tag: "Unreachable" | "Suspected" | "Recovered",
  member: Member.ActiveMember,
): void => Draft.emit(draft, { _tag: tag, peer: Member.toPeer(member) })

// ---- R3: the link is lost, and this node asks others ----

/**
 * R3: handles the loss of the link to a member. Publishes a withheld accusation, and asks others about a member in the
 * view.
 */
export const onLinkLost = (draft: Draft.Draft, linked: Member.LinkedMember, silent: boolean): void => {
  const { name } = linked.record
  const { now, state } = draft
  // The member has not answered the accusation for at least the shortest suspicion. A live link restarted the timer.
  const isLongSuspect = silent && linked.standing._tag === "Suspect"
  const since = isLongSuspect ? Member.suspectedBefore(linked, now - state.settings.suspicionMin) : linked
  const unlinked = Draft.updateMember(draft, Member.unlinked(since))
  const member = unlinked.standing._tag === "Withheld" ? publish(draft, unlinked, unlinked.standing) : unlinked
  if (Member.isInView(member)) emitPeer(draft, "Unreachable", member)
  // The loss of this link may have stopped this node in the same step.
  const wasRunning = draft.previous.phase._tag === "Running"
  if (wasRunning && Member.needsProbe(member)) startRound(draft, name, silent ? draft.now : undefined)
}

/** Starts a new probe round about a peer. */
const startRound = (draft: Draft.Draft, name: string, graceUntil?: number): void =>
  probe(draft, name, Probing.startOf(draft, name, graceUntil))

const probe = (draft: Draft.Draft, name: string, round: Probing.RoundStart): void => {
  Probing.sendProbes(draft, name, round)
  continueRound(draft, name)
}

/** Continues a round when all answers have arrived and this node's own dial has ended. */
const continueRound = (draft: Draft.Draft, name: string): void => {
  const round = draft.state.rounds.get(name)
  if (round?._tag !== "Probing" || round.awaiting.size > 0 || Probing.isDialing(draft, name)) return
  if (round.negatives === 0 && Probing.hasOthersToProbe(draft, name, round)) return probe(draft, name, round)
  onUnreachable(draft, name, round)
}

/** Handles the answer of a probed member. */
export const onProbeResult = (draft: Draft.Draft, from: string, { id, verdict }: ProbeResult): void => {
  const found = Probing.findRound(draft, from, id)
  if (found === undefined) return
  const { name, round } = found
  if (verdict === "up") return onReached(draft, name, round, from)
  Probing.stopAwaiting(draft, name, round, from, round.negatives + Number(verdict !== "unknown"))
  continueRound(draft, name)
}

/** Stops waiting for answers of a member whose link is lost. */
export const onRespondentLost = (draft: Draft.Draft, from: string): void => {
  if (draft.state.phase._tag !== "Running") return
  for (const [name, round] of Probing.roundsAwaiting(draft, from)) {
    Probing.stopAwaiting(draft, name, round, from)
    continueRound(draft, name)
  }
}

/** Handles a failed dial of a peer by this node; `refused` if every address refused the connection. */
export const onDialFailed = (draft: Draft.Draft, name: string, refused: boolean): void => {
  const { candidates, members, rounds, settings } = draft.state
  const round = rounds.get(name)
  const member = members.get(name)
  const candidate = candidates.get(name)
  if (candidate !== undefined) {
    // Two peers that have just learned of each other mostly connect by themselves, and a link is better evidence than
    // the answer of a third peer.
    if (draft.now < candidate.expiresAt - settings.candidateTimeout + settings.linkTimeout) return
    // A rumour may be one of many false ones. This node therefore asks others with growing pauses, and about few
    // candidates at a time.
    const isAsked =
      round?._tag === "Probing"
        ? round.generation === candidate.record.generation
        : member === undefined || !Member.needsProbe(member)
    const mayStart = round !== undefined || Candidates.countRounds(draft) < settings.probesPerPeer
    if ((round === undefined || !isAsked) && mayStart && draft.state.linked.size > 0) startRound(draft, name)
    return
  }
  if (member === undefined || !Member.needsProbe(member)) return
  Draft.updateMember(draft, Member.dialed(member, refused ? "refused" : "failed"))
  continueRound(draft, name)
}

/**
 * R3, R2: handles the answer that the member `by` has a link to the peer in question, which is a member or a candidate.
 */
const onReached = (draft: Draft.Draft, name: string, { backoff, generation }: ProbingRound, by: string): void => {
  const candidate = draft.state.candidates.get(name)
  if (candidate?.record.generation === generation) {
    Candidates.promote(draft, candidate, by)
    return Probing.waitBeforeNextRound(draft, name)
  }
  const member = draft.state.members.get(name)
  if (member === undefined || !Member.needsProbe(member)) return Draft.setRound(draft, name, undefined)
  // The newer life in question is no longer a candidate. This node asks about the older life again.
  if (member.record.generation !== generation) return startRound(draft, name)
  Probing.waitBeforeNextRound(draft, name, backoff)
  const reached = Draft.updateMember(draft, Member.reachedBy(member, by, draft.now))
  if (member.reach._tag !== "Indirect") emitPeer(draft, "Unreachable", reached)
}

/** Handles the end of the time for answers in a probe round. */
const onRoundTimeout = (draft: Draft.Draft, name: string, round: ProbingRound): void => {
  const { now, state } = draft
  if (round.negatives === 0) {
    // No useful answer arrived, so the fault may be this node's own.
    if (round.awaiting.size > 0) Health.worsen(draft)
    if (Probing.hasOthersToProbe(draft, name, round)) return probe(draft, name, round)
    const dialEndsBy = round.startedAt + state.settings.linkTimeout + state.settings.probeTimeout
    if (Probing.isDialing(draft, name) && now < dialEndsBy) {
      const until = Math.min(now + state.settings.probeTimeout, dialEndsBy)
      return Draft.setRound(draft, name, { ...round, awaiting: new Set(), until })
    }
  }
  onUnreachable(draft, name, round)
}

// ---- R4: nobody reaches the member ----

/**
 * R4: handles that no member reaches the peer in question. Suspects the peer after its grace period, and fails the peer
 * if its suspicion has ended (R5).
 */
const onUnreachable = (draft: Draft.Draft, name: string, { backoff, generation, graceUntil }: ProbingRound): void => {
  const { now, state } = draft
  const member = state.members.get(name)
  if (member === undefined || !Member.needsProbe(member)) return Probing.waitBeforeNextRound(draft, name, backoff)
  // The newer life in question is no longer a candidate, and no member answered about the older life.
  if (member.record.generation !== generation && state.candidates.get(name)?.record.generation !== generation) {
    return startRound(draft, name)
  }
  const wasRefused = member.reach.dial === "refused"
  // A link would tolerate the silence until `graceUntil`. Members that suspect the peer have waited as long. A refused
  // dial ends the wait.
  if (member.standing._tag === "Alive" && !wasRefused && now < graceUntil) {
    return Draft.setRound(draft, name, { _tag: "Waiting", until: now + state.settings.heartbeat, backoff, graceUntil })
  }
  Draft.setRound(draft, name, { _tag: "Waiting", until: now + backoff, backoff, graceUntil: undefined })
  if (state.linked.size === 0 && !wasRefused) Partition.startIsolation(draft)
  const unreachable = Draft.updateMember(draft, Member.unreachable(member))
  // The view already shows a suspicion of others, so the event shows the changed link only.
  if (member.standing._tag !== "Alive" && member.reach._tag !== "Down") emitPeer(draft, "Unreachable", unreachable)
  const isAccused = PeerRecord.rank[member.record.status] >= PeerRecord.rank.suspect
  const accusation = accusationOf(draft, unreachable, isAccused ? member.record.status : "suspect")
  onAccusation(draft, unreachable, accusation, state.self.name)
  onSuspicionTimeout(draft, name, "probed")
}

/** Returns the record with which this node accuses a member. */
const accusationOf = (
  { state: { self } }: Draft.Draft,
  { reach, record }: Member.UnlinkedMember | Member.FailedMember,
  status: PeerRecord.Status,
): PeerRecord.PeerRecord => {
  const { refused: _, ...accusation } = record
  return { ...accusation, status, by: self.name, ...(reach.dial === "refused" ? { refused: true } : {}) }
}

/**
 * R4, R6: handles an accusation of a member by `by`. If there is a live link, sends the accusation to the member and
 * withholds it from the application. If there is no link, suspects the member and starts this node's own timer.
 */
export const onAccusation = (
  draft: Draft.Draft,
  member: Member.Member,
  record: PeerRecord.PeerRecord,
  by: string,
): void => {
  const { now, state } = draft
  const { standing } = member
  const isSameIncarnation = member.record.incarnation === record.incarnation
  // An accuser may not have the body any more, and one incarnation has one body.
  const accused = isSameIncarnation ? { ...record, body: member.record.body } : record
  const known = isSameIncarnation ? Member.suspicionOf(member) : undefined
  // Accusers beyond the number that shortens the timer change nothing, but this node always gossips its own accusation.
  const isUseful = by === state.self.name || (known?.accusers.size ?? 0) <= expectedConfirmations(state.size)
  const isFurther = known?.accusers.has(by) === false && isUseful
  const isNews = PeerRecord.compareKeys(record, member.record) > 0 || isFurther
  const isLinked = Member.isLinked(member)
  // A member whose link made it appear alive is suspect again once the link is lost.
  const isShownAliveUnlinked = !isLinked && Member.localStatus(member) === "alive"
  if (!isNews && known !== undefined && !isShownAliveUnlinked) return
  if (isNews || by === state.self.name) Gossip.gossip(draft, { ...accused, by })
  if (standing._tag === "Failed" && record.status === "failed") {
    Draft.updateMember(draft, Member.withRecord(member, accused))
    return
  }
  const suspicion: Member.Suspicion = {
    since: known?.since ?? now,
    accusers: new Map(known?.accusers).set(by, record.refused === true),
  }
  const publishAt =
    isSameIncarnation && standing._tag === "Withheld" ? standing.publishAt : now + state.settings.suspicionMin
  const next = Draft.updateMember(draft, Member.accused(member, accused, suspicion, publishAt))
  if (isLinked) Draft.sendBelief(draft, record)
  const isNewlySuspected = Member.localStatus(next) !== Member.localStatus(member)
  if (isNewlySuspected && Member.isInView(next)) emitPeer(draft, "Suspected", next)
  else Draft.announceBody(draft, member, next)
}

/** R6: publishes a withheld accusation to the application. */
const publish = <A extends Member.ActiveMember>(draft: Draft.Draft, member: A, { suspicion }: Member.Withheld): A => {
  const suspect = Draft.updateMember(draft, Member.suspect(member, suspicion))
  if (!suspect.disconnected) emitPeer(draft, "Suspected", suspect)
  return suspect
}

// ---- R5, R6: the end of a suspicion ----

/**
 * R5, R6: publishes a withheld accusation, or ends a suspicion, if its time has come. The end of a suspicion fails the
 * member. A member that needs a probe fails only at the end of a probe round (`probed`). A member with a link never
 * fails.
 */
const onSuspicionTimeout = (draft: Draft.Draft, name: string, evidence: "timer" | "probed"): void => {
  const { now, state } = draft
  const member = state.members.get(name)
  const due = member === undefined ? undefined : State.suspicionDeadline(state, member)
  if (member === undefined || due === undefined || now < due) return
  if (Member.isActive(member) && member.standing._tag === "Withheld") {
    publish(draft, member, member.standing)
    return
  }
  if (evidence === "timer" && Member.needsProbe(member)) return
  // This node does not dial a member that it disconnected, so another member must fail it first.
  const isUndecided = member.disconnected && member.record.status !== "failed"
  if (!Member.isUnlinked(member) || isUndecided) {
    Draft.updateMember(draft, Member.restartTimer(member, now))
    if (Member.isLinked(member)) Draft.sendBelief(draft, member.record)
    return
  }
  const accusation = accusationOf(draft, member, "failed")
  const failed = Draft.updateMember(draft, Member.failed(member, accusation, now))
  if (!member.disconnected) Gossip.gossip(draft, accusation)
  if (Member.isInView(member)) Draft.emit(draft, { _tag: "Failed", peer: Member.toRemoved(failed, "failed") })
}

/** Handles a Tick for the probe rounds that are due. */
export const onRoundTick = (draft: Draft.Draft): void => {
  for (const [name, round] of draft.state.rounds) {
    if (draft.now < State.roundDeadline(draft.state, name, round)) continue
    if (round._tag === "Waiting") startRound(draft, name)
    else onRoundTimeout(draft, name, round)
  }
}

/** Handles a Tick for the suspicion of a member. */
export const onSuspicionTick = (draft: Draft.Draft, name: string): void => onSuspicionTimeout(draft, name, "timer")

/**
 * Extends every suspicion to at least `suspicionMin` after a stall of this node, because a refutation may still be
 * unread.
 */
export const extendDeadlines = (draft: Draft.Draft): void => {
  const { accused, members, settings } = draft.state
  for (const name of [...accused.keys()]) {
    const member = members.get(name)
    if (member === undefined) continue
    const due = State.suspicionDeadline(draft.state, member)
    const delay = due === undefined ? 0 : draft.now + settings.suspicionMin - due
    if (delay > 0) Draft.updateMember(draft, Member.delayed(member, delay))
  }
}

// ---- R2, R4, R7, R10: a sign of life ----

/**
 * R4, R7: handles an alive record, which ends every accusation. Some member has a link to the owner, so a member that
 * is down becomes indirect.
 */
export const onAliveRecord = (draft: Draft.Draft, old: Member.Member, record: PeerRecord.PeerRecord): void => {
  const member = Draft.updateMember(draft, Member.refuted(old, record))
  if (member.disconnected) return
  if (Member.needsProbe(member)) Probing.waitBeforeNextRound(draft, record.name)
  if (Member.localStatus(old) !== "alive") emitPeer(draft, "Recovered", member)
  else if (member.reach._tag !== old.reach._tag) emitPeer(draft, "Unreachable", member)
  Draft.announceBody(draft, old, member)
}

/**
 * R2, R10: handles a new link to a known life. The application sees the member as alive. An accusation that the
 * handshake did not refute remains.
 */
export const onLinkUp = (
  draft: Draft.Draft,
  old: Member.Member,
  record: PeerRecord.PeerRecord,
  address: Address | undefined,
): void => {
  const known = old.record
  // At an equal key the record of the owner counts, whatever its body.
  const isCurrent = PeerRecord.compareKeys(record, known) >= 0
  const isAccused = !isCurrent && known.status !== "alive"
  const standing = isAccused ? Member.overruled(old, draft.now) : Member.alive
  const next = Member.linked(isCurrent ? Member.withRecord(old, record) : old, standing, address)
  Draft.updateMember(draft, next)
  // The first event shows only the new link. The events that follow show the other changes.
  if (old.disconnected) {
    Draft.emit(draft, { _tag: "Joined", peer: { ...Member.describe(known), status: "alive", link: "up" } })
  } else if (Member.needsProbe(old)) {
    Draft.emit(draft, { _tag: "Reachable", peer: { ...Member.toPeer(old), link: "up" } })
  }
  if (isAccused) Draft.sendBelief(draft, known)
  if (!old.disconnected && Member.localStatus(old) !== "alive") emitPeer(draft, "Recovered", next)
  if (isCurrent) Draft.announceBody(draft, old, next)
}
