/**
 * Merges the records that peers send (docs/protocol.md, section "Records"). This node keeps the greatest record of each
 * name. A record of an unknown life makes a candidate (R1, R8). An accusation makes a suspicion (R4, R6). A record
 * `left` ends a life without a link (R9), and no other life of the name.
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
  // An owner that accuses itself, or sends a record of another life of its name, is faulty. Its record counts as
  // gossip.
  const isOwnWord = from === record.name && isOfMember && !PeerRecord.isAccusation(record)
  if (!isOwnWord && !Plausibility.isCredible(draft, record)) return mergeIncredible(draft, record, from)
  if (isOfMember) return mergeMemberRecord(draft, member, record, from)
  if (member !== undefined && record.generation < member.record.generation) return
  const tombstone = state.tombstones.get(record.name)
  const reportedEnd = state.reportedEnds.get(record.name)
  if (tombstone !== undefined && PeerRecord.compareKeys(record, tombstone) <= 0) return
  if (reportedEnd !== undefined && PeerRecord.compareKeys(record, reportedEnd) <= 0) return
  if (Plausibility.isFutureLife(draft, record.generation)) {
    return Draft.diagnose(
      draft,
      `ignored a record of "${record.name}" from ${from}: its generation is more than a day ahead of this node's clock; correct the clocks`,
    )
  }
  if (record.status !== "left") return Candidates.add(draft, record, from)
  const candidate = state.candidates.get(record.name)
  if (candidate !== undefined && PeerRecord.compareKeys(record, candidate.record) <= 0) return
  if (tombstone?.generation === record.generation) Draft.addTombstone(draft, record)
  // If gossip evicted reported ends, two nodes would send each other, without end, the names that each of them had
  // evicted.
  else if (Draft.hasRoomForReportedEnd(draft, record.name)) Draft.addReportedEnd(draft, record)
  else return
  Candidates.removeUpTo(draft, record)
  // Gossip sends one record of a name, and a waiting record of the member has precedence.
  if (member === undefined) Gossip.gossip(draft, { ...record, body: State.emptyBody })
}

/**
 * Handles a record with an implausible incarnation. A false belief of a faulty member can make an owner take such an
 * incarnation. An alive record of a life that this node does not know therefore makes a candidate with the greatest
 * plausible incarnation, and the handshake shows the true incarnation. This node ignores every other such record. The
 * greatest plausible incarnation grows with time, so a second record of a candidate would be news each time.
 */
const mergeIncredible = (draft: Draft.Draft, record: PeerRecord.PeerRecord, from: string): void => {
  const { candidates, members } = draft.state
  const { generation, name, status } = record
  const known = Math.max(members.get(name)?.record.generation ?? 0, candidates.get(name)?.record.generation ?? 0)
  if (status === "alive" && generation > known) {
    return mergeRecord(draft, { ...record, incarnation: Plausibility.greatestCredible(draft, record) }, from)
  }
  Draft.diagnose(
    draft,
    `ignored a record of "${name}" from ${from}: its incarnation is far beyond the possible number for its age`,
  )
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
    if (record.status === "left") return onReportedAsLeft(draft, member, record)
    if (PeerRecord.isAccusation(record)) return FailureDetection.onAccusation(draft, member, record, record.by ?? from)
    FailureDetection.onAliveRecord(draft, member, record)
    return Gossip.gossip(draft, record)
  }
  // The body of an accusation has no meaning, because the owner determines the body of an incarnation.
  if (PeerRecord.isAccusation(record)) return FailureDetection.onAccusation(draft, member, record, record.by ?? from)
  const bodyOrder = PeerRecord.compare(record, known)
  if (bodyOrder !== 0) mergeBody(draft, member, record, { isFromOwner: from === record.name, isGreater: bodyOrder > 0 })
}

/**
 * Merges a record that differs from the record of a member in its body only. The owner did not write one of the two
 * bodies.
 */
const mergeBody = (
  draft: Draft.Draft,
  member: Member.Member,
  record: PeerRecord.PeerRecord,
  { isFromOwner, isGreater }: { readonly isFromOwner: boolean; readonly isGreater: boolean },
): void => {
  // The next incarnation of the owner resolves the conflict.
  if (isFromOwner) challengeOwner(draft, member.record)
  else if (Member.isLinked(member)) return challengeOwner(draft, record)
  else if (!isGreater) return
  Draft.diagnose(draft, `received two different bodies of "${record.name}" for one incarnation`)
  // The challenge may have replaced the member.
  const current = draft.state.members.get(record.name) ?? member
  Draft.announceBody(draft, current, Draft.updateMember(draft, Member.withRecord(current, record)))
  // A peer with a link to the owner may be among the receivers.
  if (!isFromOwner) Gossip.gossip(draft, record)
}

/**
 * Sends an owner a record that the owner did not write, so that it writes a greater one. Sends it once per incarnation,
 * and again if the owner does not answer for `syncTimeout`. A faulty member therefore cannot make this node fill the
 * link to the owner.
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
 * R6, R9: ends a life that others report as left, unless this node has a link to it. Only the peer itself can end a
 * life with a link. This node therefore sends the peer the report, and the peer refutes it (R7).
 */
const onReportedAsLeft = (draft: Draft.Draft, member: Member.Member, record: PeerRecord.PeerRecord): void =>
  Member.isLinked(member) ? Draft.sendBelief(draft, record) : endLife(draft, member, record)

/**
 * R9: ends the life of a member. No node dials it again until a greater record of the name arrives or the peer completes
 * a handshake. `isOwnWord` if the peer itself reported that it leaves.
 */
export const endLife = (
  draft: Draft.Draft,
  member: Member.Member,
  record: PeerRecord.PeerRecord,
  isOwnWord = false,
): void => {
  const left: PeerRecord.PeerRecord = { ...record, status: "left", body: State.emptyBody }
  Draft.setMember(draft, record.name, undefined)
  Draft.addTombstone(draft, left, isOwnWord ? draft.now : undefined)
  Gossip.gossip(draft, left)
  if (Member.isInView(member)) {
    Draft.emit(draft, { _tag: "Left", peer: Member.toRemoved(member, "left") })
  }
}
