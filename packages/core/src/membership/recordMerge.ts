/**
 * Merges the records that peers send (docs/protocol.md, section "Records"): the greatest record of a name is kept. A record of
 * an unknown life makes a candidate (R1, R8), an accusation a suspicion (R4, R6), and `left` ends a life without a link (R9).
 */
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Candidates from "./candidates.ts"
import * as Draft from "./Draft.ts"
import * as FailureDetection from "./failureDetection.ts"
import * as Gossip from "./gossip.ts"
import * as Member from "./Member.ts"
import * as Refutation from "./refutation.ts"
import * as Plausibility from "./plausibility.ts"
import * as State from "./State.ts"

/** Merges a record that the peer `from` sent. */
export const mergeRecord = (draft: Draft.Draft, record: PeerRecord.PeerRecord, from: string): void => {
  const { state } = draft
  if (record.name === state.self.name) return Refutation.refuteRecord(draft, record, from)
  const member = state.members.get(record.name)
  const isOfMember = member?.record.generation === record.generation
  // An owner that accuses itself, or says something of another life of its name, has a fault and knows no more than others.
  const isOwnWord = from === record.name && isOfMember && !PeerRecord.isAccusation(record)
  if (!isOwnWord && !Plausibility.isCredible(draft, record)) {
    return Draft.diagnose(
      draft,
      `${from} says "${record.name}" has an incarnation far beyond what its age allows; ignored`,
    )
  }
  if (isOfMember) return mergeMemberRecord(draft, member, record, from)
  if (member !== undefined && record.generation < member.record.generation) return
  const tombstone = state.tombstones.get(record.name)
  if (tombstone !== undefined && PeerRecord.compareKeys(record, tombstone) <= 0) return
  if (Plausibility.isFutureLife(draft, record.generation)) {
    return Draft.diagnose(draft, `${from} says "${record.name}" has a generation more than a day ahead; ignored`)
  }
  if (record.status !== "left") return Candidates.add(draft, record, from)
  const candidate = state.candidates.get(record.name)
  if (candidate !== undefined && PeerRecord.compareKeys(record, candidate.record) <= 0) return
  if (member !== undefined) return onReportedEnd(draft, member, record)
  // If hearsay evicted tombstones, two nodes would teach each other for ever the names that each of them had to forget.
  if (!Draft.hasRoomForTombstone(draft, record.name)) return
  Candidates.removeUpTo(draft, record)
  Draft.addTombstone(draft, record)
  Gossip.gossip(draft, { ...record, body: State.emptyBody })
}

const mergeMemberRecord = (
  draft: Draft.Draft,
  member: Member.Member,
  record: PeerRecord.PeerRecord,
  from: string,
): void => {
  const known = member.record
  const order = PeerRecord.compareKeys(record, known)
  if (order < 0) return
  if (order > 0) {
    if (record.status === "left") return onReportedEnd(draft, member, record)
    if (PeerRecord.isAccusation(record)) return FailureDetection.onAccusation(draft, member, record, record.by ?? from)
    FailureDetection.onAliveRecord(draft, member, record)
    return Gossip.gossip(draft, record)
  }
  // The body of an accusation says nothing: an incarnation has the body that its owner gave it.
  if (PeerRecord.isAccusation(record)) return FailureDetection.onAccusation(draft, member, record, record.by ?? from)
  const bodyOrder = PeerRecord.compare(record, known)
  if (bodyOrder !== 0) mergeBody(draft, member, record, { isFromOwner: from === record.name, isGreater: bodyOrder > 0 })
}

/** Merges a record that differs from the one of a member in its body alone: one of the two is not the word of its owner. */
const mergeBody = (
  draft: Draft.Draft,
  member: Member.Member,
  record: PeerRecord.PeerRecord,
  { isFromOwner, isGreater }: { readonly isFromOwner: boolean; readonly isGreater: boolean },
): void => {
  // The owner settles it with its next incarnation.
  if (isFromOwner) challengeOwner(draft, member.record)
  else if (Member.isLinked(member)) return challengeOwner(draft, record)
  else if (!isGreater) return
  Draft.diagnose(draft, `there are two bodies of "${record.name}" for one incarnation`)
  // The challenge may have changed the member.
  const current = draft.state.members.get(record.name) ?? member
  Draft.announceBody(draft, current, Draft.updateMember(draft, Member.withRecord(current, record)))
  // A peer with a link to the owner may be among the receivers.
  if (!isFromOwner) Gossip.gossip(draft, record)
}

/**
 * Sends an owner a record that it did not write, so that it writes a greater one. Once for each incarnation, and again if the
 * owner does not answer for `syncTimeout`: a liar cannot make this node fill the link to the owner.
 */
export const challengeOwner = (draft: Draft.Draft, record: PeerRecord.PeerRecord): void => {
  const { now, state } = draft
  const { incarnation, name } = record
  const owner = state.members.get(name)
  if (owner === undefined || !Member.isLinked(owner)) return
  const { challenged } = owner.reach
  if (challenged?.incarnation === incarnation && now < challenged.at + state.settings.syncTimeout) return
  Draft.updateMember(draft, { ...owner, reach: { ...owner.reach, challenged: { incarnation, at: now } } })
  Draft.send(draft, [name], { _tag: "Update", records: [record] })
}

/**
 * R6, R9: ends a life that others say has left, unless there is a link to it. Only the word of the peer itself ends a life with a
 * link, so the peer is told what is said of it and refutes it (R7).
 */
const onReportedEnd = (draft: Draft.Draft, member: Member.Member, record: PeerRecord.PeerRecord): void => {
  if (!Member.isLinked(member)) return endLife(draft, member, record)
  if (member.record.generation === record.generation) Draft.sendBelief(draft, record)
  else Candidates.removeUpTo(draft, record)
}

/** R9: ends a life. Nobody dials it any more, until a greater record of the name comes or the peer completes a handshake. */
export const endLife = (draft: Draft.Draft, member: Member.Member, record: PeerRecord.PeerRecord): void => {
  const left: PeerRecord.PeerRecord = { ...record, status: "left", body: State.emptyBody }
  Draft.setMember(draft, record.name, undefined)
  Candidates.removeUpTo(draft, record)
  Draft.addTombstone(draft, left, member.record.generation)
  Gossip.gossip(draft, left)
  if (Member.isInView(member)) {
    Draft.emit(draft, { _tag: "Left", peer: Member.toRemoved(member, "left") })
  }
}
