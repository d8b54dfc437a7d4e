/**
 * What a record does to the state: hearsay and candidates (R1), suspicion and verdict (R4 to R6),
 * accusations about oneself (R7), newer lives (R8), and the end of a generation (R9).
 */
import type { YouAreBelief } from "../protocol/Frame.ts"
import { maxIncarnation } from "../protocol/constants.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import * as Health from "./health.ts"
import { generationLead, incarnationLead } from "./Settings.ts"
import type { Member } from "./State.ts"
import * as State from "./State.ts"
import { expectedConfirmations } from "./suspicionTimer.ts"

/** Takes in a record that the peer `from` sent. */
export const mergeRecord = (draft: Draft.Draft, record: PeerRecord.PeerRecord, from: string): void => {
  const { state } = draft
  if (record.name === state.self.name) return refuteBody(draft, record)
  const member = state.members.get(record.name)
  if (member?.record.generation === record.generation) return mergeMemberRecord(draft, member, record, from)
  if (member !== undefined && record.generation < member.record.generation) return
  const tombstone = state.tombstones.get(record.name)
  if (tombstone !== undefined && PeerRecord.compareKeys(record, tombstone) <= 0) return
  if (record.generation > draft.now + state.wallOffset + generationLead) {
    return Draft.diagnose(draft, `${from} says "${record.name}" has a generation more than a day ahead; ignored`)
  }
  if (record.status === "left") {
    if (member !== undefined) return endByOthers(draft, member, record)
    forgetCandidate(draft, record)
    Draft.addTombstone(draft, record)
    return Draft.gossip(draft, { ...record, body: PeerRecord.emptyBody })
  }
  addCandidate(draft, record, from)
}

/** Hearsay about a life that is over, or about one before it. */
const forgetCandidate = (draft: Draft.Draft, { generation, name }: PeerRecord.PeerRecord): void => {
  const candidate = draft.state.candidates.get(name)
  if (candidate !== undefined && candidate.record.generation <= generation) Draft.setCandidate(draft, name, undefined)
}

/** R7, R9: others say that a life is over. If this node has a link to it, it gets to hear that. */
const endByOthers = (draft: Draft.Draft, member: Member, record: PeerRecord.PeerRecord): void => {
  if (member.link === "up") Draft.tellBelief(draft, record)
  end(draft, member, record)
}

/** R1, R8: hearsay about somebody not met in this life makes a candidate, never a member. */
const addCandidate = (draft: Draft.Draft, record: PeerRecord.PeerRecord, from: string): void => {
  const { candidates, members, settings } = draft.state
  const known = candidates.get(record.name)
  if (known !== undefined && PeerRecord.compare(record, known.record) <= 0) return
  if (known === undefined && candidates.size + members.size >= settings.maxMembers) {
    return Draft.diagnose(draft, `${from} says "${record.name}" exists, but the bound of members is reached; ignored`)
  }
  const same = known?.record.generation === record.generation
  Draft.setCandidate(draft, record.name, {
    record,
    expiresAt: same ? known.expiresAt : draft.now + settings.candidateTimeout,
  })
  Draft.gossip(draft, record)
}

const mergeMemberRecord = (draft: Draft.Draft, member: Member, record: PeerRecord.PeerRecord, from: string): void => {
  const known = member.record
  const keys = PeerRecord.compareKeys(record, known)
  if (keys < 0) return
  if (from !== record.name && record.incarnation > known.incarnation + incarnationLead) {
    return Draft.diagnose(draft, `${from} says "${record.name}" has an incarnation far beyond the known; ignored`)
  }
  if (keys === 0) {
    if (record.status === "suspect" || record.status === "failed") suspect(draft, member, record, record.by ?? from)
    if (PeerRecord.compare(record, known) > 0) {
      Draft.diagnose(draft, `"${record.name}" wrote two bodies for one incarnation; the greater is kept`)
      refresh(draft, record)
    } else if (from === record.name && PeerRecord.compare(record, known) < 0) challengeOwner(draft, known)
    return
  }
  if (record.status === "left") return endByOthers(draft, member, record)
  if (record.status === "alive") {
    refresh(draft, record)
    return Draft.gossip(draft, record)
  }
  suspect(draft, member, record, record.by ?? from)
}

/** Stores a record of a known life that is alive, and tells the application what changed by it. */
export const refresh = (draft: Draft.Draft, record: PeerRecord.PeerRecord): void => {
  const before = draft.state.members.get(record.name)
  if (before === undefined) return
  const alive = record.status === "alive"
  // What a peer has just said about itself came to this node, so somebody has a link to it.
  const link = alive && before.link === "down" ? "indirect" : before.link
  const member = Draft.editMember(draft, record.name, {
    record,
    ...(alive ? { localStatus: "alive", suspicion: undefined, link } : {}),
  })
  if (member === undefined || member.disconnected) return
  if (alive && State.needsProbe(member)) Draft.waitBeforeNextRound(draft, record.name)
  if (alive && before.localStatus !== "alive") Draft.emit(draft, { _tag: "Recovered", peer: State.toPeer(member) })
  else if (link !== before.link) Draft.emit(draft, { _tag: "Unreachable", peer: State.toPeer(member) })
  announceBody(draft, before, member)
}

/** Tells the application of another body, if it sees the member. */
const announceBody = (draft: Draft.Draft, { record: { body: old } }: Member, member: Member): void => {
  const { body } = member.record
  if (!State.isInView(member) || old === body || PeerRecord.bodyHash(old) === PeerRecord.bodyHash(body)) return
  Draft.emit(draft, { _tag: "MetadataChanged", peer: State.toPeer(member) })
}

/**
 * R4, R6: somebody doubts a member. With a live link the member is told and gets a moment to refute
 * before the application hears of it; without one this node's own timer runs.
 */
const suspect = (draft: Draft.Draft, member: Member, record: PeerRecord.PeerRecord, by: string): void => {
  const { self, settings, size } = draft.state
  const { name, incarnation, status } = record
  const isSame = member.record.incarnation === incarnation
  // An accuser may hold no body any more, and within one incarnation there is but one.
  const believed = isSame ? { ...record, body: member.record.body } : record
  const same = isSame ? member.suspicion : undefined
  // Many lose a peer at one moment; more accusers than shorten the timer are of no use to anybody.
  const isFurther = same?.accusers.has(by) === false && same.accusers.size <= expectedConfirmations(size)
  const isNews = PeerRecord.compareKeys(record, member.record) > 0 || isFurther
  // Whom a link showed alive, though it was accused, is suspect again without that link.
  const isHidden = member.link !== "up" && member.localStatus === "alive"
  if (!isNews && same !== undefined && !isHidden) return
  if (isNews || by === self.name) Draft.gossip(draft, { ...believed, by })
  if (member.localStatus === "failed" && status === "failed") {
    Draft.editMember(draft, name, { record: believed })
    return
  }
  const live = member.link === "up"
  const next = Draft.editMember(draft, name, {
    record: believed,
    // Who was shown failed stays so: others gave it up later, and only the verdict on that is missing.
    localStatus: live || member.localStatus === "failed" ? member.localStatus : "suspect",
    suspicion: {
      since: same?.since ?? draft.now,
      accusers: new Map(same?.accusers).set(by, record.refused === true),
      heldUntil:
        live && member.localStatus === "alive" ? (same?.heldUntil ?? draft.now + settings.suspicionMin) : undefined,
    },
  })
  if (live) Draft.tellBelief(draft, record)
  if (next === undefined) return
  if (!next.disconnected && next.localStatus !== member.localStatus) {
    Draft.emit(draft, { _tag: "Suspected", peer: State.toPeer(next) })
  } else announceBody(draft, member, next)
}

/** R4: neither this node nor anybody whom it asked reaches a member. */
export const suspectUnreachable = (draft: Draft.Draft, name: string): void => {
  const before = draft.state.members.get(name)
  const member = Draft.editMember(draft, name, { link: "down" })
  if (before === undefined || member === undefined) return
  // With a suspicion of others the view says so already, and nothing else may change in it.
  if (before.suspicion !== undefined && before.link !== "down") {
    Draft.emit(draft, { _tag: "Unreachable", peer: State.toPeer(member) })
  }
  const status = PeerRecord.rank[member.record.status] < PeerRecord.rank.suspect ? "suspect" : member.record.status
  suspect(draft, member, accusation(member, status, draft.state.self.name), draft.state.self.name)
}

/** What this node says of a member, by its own experience. */
const accusation = (
  { dial, record }: Member,
  status: PeerRecord.PeerRecord["status"],
  by: string,
): PeerRecord.PeerRecord => {
  const { refused: _, ...rest } = record
  return { ...rest, status, by, ...(dial === "refused" ? { refused: true } : {}) }
}

/** R5, R6: the time of a suspicion is over, and nobody has to be asked before it is looked at. */
export const onSuspicionTimeout = (draft: Draft.Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member?.suspicion === undefined || draft.now < State.suspicionDeadline(draft.state, member.suspicion)) return
  const { record, suspicion } = member
  if (suspicion.heldUntil !== undefined) return publishSuspicion(draft, name)
  if (State.needsProbe(member)) return
  // Of one that it parted from it has no verdict of its own.
  const isForOthers = member.disconnected && record.status !== "failed"
  if (member.link !== "up" && !isForOthers) return fail(draft, name)
  // Whom this node hears it never calls failed, whatever others say; it asks for the refutation again.
  Draft.editMember(draft, name, { suspicion: { ...suspicion, since: draft.now } })
  if (member.link === "up") Draft.tellBelief(draft, record)
}

/** R5: the verdict. */
export const fail = (draft: Draft.Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member === undefined || member.link === "up") return
  const failed = accusation(member, "failed", draft.state.self.name)
  const next = Draft.editMember(draft, name, {
    record: failed,
    localStatus: "failed",
    link: "down",
    failedAt: member.localStatus === "failed" ? member.failedAt : draft.now,
    suspicion: undefined,
  })
  if (!member.disconnected) Draft.gossip(draft, failed)
  // A suspicion that was not told, because the link was live then, is told before the verdict.
  if (member.localStatus === "alive" && !member.disconnected) {
    Draft.emit(draft, { _tag: "Suspected", peer: { ...State.toPeer(member), status: "suspect" } })
  }
  if (next !== undefined && State.isInView(member)) Draft.emit(draft, { _tag: "Failed", peer: State.toPeer(next) })
}

/** After a stall of this node everybody whom it suspects gets at least the shortest suspicion again. */
export const postpone = (draft: Draft.Draft): void => {
  const { members, settings } = draft.state
  for (const [name, { suspicion }] of members) {
    if (suspicion === undefined) continue
    const by = draft.now + settings.suspicionMin - State.suspicionDeadline(draft.state, suspicion)
    if (by <= 0) continue
    const heldUntil = suspicion.heldUntil === undefined ? undefined : suspicion.heldUntil + by
    Draft.editMember(draft, name, { suspicion: { ...suspicion, since: suspicion.since + by, heldUntil } })
  }
}

/** Tells the application of a suspicion that was held back. */
export const publishSuspicion = (draft: Draft.Draft, name: string): void => {
  const suspicion = draft.state.members.get(name)?.suspicion
  if (suspicion?.heldUntil === undefined) return
  const next = Draft.editMember(draft, name, {
    localStatus: "suspect",
    suspicion: { ...suspicion, heldUntil: undefined },
  })
  if (next !== undefined && !next.disconnected) Draft.emit(draft, { _tag: "Suspected", peer: State.toPeer(next) })
}

/** R7, R8: what is said about this node itself. */
export const refute = (draft: Draft.Draft, said: YouAreBelief): void => {
  const { self, phase, wallOffset } = draft.state
  if (phase._tag !== "Running" || said.generation < self.generation) return
  if (said.generation > self.generation) {
    return said.generation > draft.now + wallOffset + generationLead
      ? Draft.diagnose(draft, "a generation of this node's own name more than a day ahead was claimed; ignored")
      : Draft.stop(draft, "superseded")
  }
  if (said.status === "left") return Draft.stop(draft, "evicted")
  const refutes = said.status === "alive" ? said.incarnation > self.incarnation : said.incarnation >= self.incarnation
  if (!refutes) return
  if (said.incarnation > Math.min(self.incarnation + incarnationLead, maxIncarnation - 1)) {
    return Draft.diagnose(draft, "an incarnation of this node far beyond its own was claimed; ignored")
  }
  // Somebody lost this node for a while, and it may be this node's own fault.
  if (said.status !== "alive") Health.worsen(draft)
  Draft.setSelf(draft, { incarnation: said.incarnation + 1 })
}

/** An owner is told that a greater record of it is known than it said, and writes one greater still. */
export const challengeOwner = (draft: Draft.Draft, known: PeerRecord.PeerRecord): void =>
  Draft.send(draft, [known.name], { _tag: "Update", records: [known] })

/** What is said about this node itself, with a body: two of one incarnation end with the next. */
const refuteBody = (draft: Draft.Draft, said: PeerRecord.PeerRecord): void => {
  const { self, phase } = draft.state
  const isOther =
    PeerRecord.compareKeys(said, self) === 0 && PeerRecord.bodyHash(said.body) !== PeerRecord.bodyHash(self.body)
  if (phase._tag === "Running" && isOther) return Draft.setSelf(draft, { incarnation: self.incarnation + 1 })
  refute(draft, said)
}

/** R9: a life is over. Nobody redials it, and only a newer one comes back. */
export const end = (draft: Draft.Draft, member: Member, record: PeerRecord.PeerRecord): void => {
  const left: PeerRecord.PeerRecord = { ...record, status: "left", body: PeerRecord.emptyBody }
  Draft.setMember(draft, record.name, undefined)
  forgetCandidate(draft, record)
  Draft.addTombstone(draft, left)
  Draft.gossip(draft, left)
  if (State.isInView(member)) {
    Draft.emit(draft, { _tag: "Left", peer: { ...State.toPeer(member), status: "left", link: "down" } })
  }
}
