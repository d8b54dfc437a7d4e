/**
 * What a record does to the state: hearsay and candidates (R1), suspicion and verdict (R4 to R6),
 * accusations about oneself (R7), newer lives (R8), and the end of a generation (R9).
 */
import type { YouAreBelief } from "../Frame.ts"
import type { PeerRecord } from "../PeerRecord.ts"
import * as PeerRecords from "../PeerRecord.ts"
import type { Draft } from "./Draft.ts"
import * as Drafts from "./Draft.ts"
import * as Health from "./health.ts"
import { generationLead, incarnationLead } from "./Settings.ts"
import type { Member } from "./State.ts"
import * as States from "./State.ts"
import { expectedConfirmations } from "./suspicion.ts"

/** Takes in a record that the peer `from` sent. */
export const learn = (draft: Draft, record: PeerRecord, from: string): void => {
  const { state } = draft
  if (record.name === state.self.name) return aboutMyBody(draft, record)
  const member = state.members.get(record.name)
  if (member?.record.generation === record.generation) return learnMember(draft, member, record, from)
  if (member !== undefined && record.generation < member.record.generation) return
  const tombstone = state.tombstones.get(record.name)
  if (tombstone !== undefined && PeerRecords.compareKeys(record, tombstone) <= 0) return
  if (record.generation > draft.now + state.wallOffset + generationLead) {
    return Drafts.diagnose(draft, `${from} says "${record.name}" has a generation more than a day ahead; ignored`)
  }
  if (record.status === "left") {
    if (member !== undefined) return endByOthers(draft, member, record)
    forgetCandidate(draft, record)
    Drafts.bury(draft, record)
    return Drafts.relay(draft, { ...record, body: PeerRecords.emptyBody })
  }
  consider(draft, record, from)
}

/** Hearsay about a life that is over, or about one before it. */
const forgetCandidate = (draft: Draft, { generation, name }: PeerRecord): void => {
  const candidate = draft.state.candidates.get(name)
  if (candidate !== undefined && candidate.record.generation <= generation) Drafts.setCandidate(draft, name, undefined)
}

/** R7, R9: others say that a life is over. If this node has a link to it, it gets to hear that. */
const endByOthers = (draft: Draft, member: Member, record: PeerRecord): void => {
  if (member.link === "up") Drafts.tellBelief(draft, record)
  end(draft, member, record)
}

/** R1, R8: hearsay about somebody not met in this life makes a candidate, never a member. */
const consider = (draft: Draft, record: PeerRecord, from: string): void => {
  const { candidates, members, settings } = draft.state
  const known = candidates.get(record.name)
  if (known !== undefined && PeerRecords.compare(record, known.record) <= 0) return
  if (known === undefined && candidates.size + members.size >= settings.maxMembers) {
    return Drafts.diagnose(draft, `${from} says "${record.name}" exists, but the bound of members is reached; ignored`)
  }
  const same = known?.record.generation === record.generation
  Drafts.setCandidate(draft, record.name, {
    record,
    expiresAt: same ? known.expiresAt : draft.now + settings.candidateTimeout,
  })
  Drafts.relay(draft, record)
}

const learnMember = (draft: Draft, member: Member, record: PeerRecord, from: string): void => {
  const known = member.record
  const keys = PeerRecords.compareKeys(record, known)
  if (keys < 0) return
  if (from !== record.name && record.incarnation > known.incarnation + incarnationLead) {
    return Drafts.diagnose(draft, `${from} says "${record.name}" has an incarnation far beyond the known; ignored`)
  }
  if (keys === 0) {
    if (record.status === "suspect" || record.status === "failed") accuse(draft, member, record, record.by ?? from)
    if (PeerRecords.compare(record, known) > 0) {
      Drafts.diagnose(draft, `"${record.name}" wrote two bodies for one incarnation; the greater is kept`)
      refresh(draft, record)
    } else if (from === record.name && PeerRecords.compare(record, known) < 0) contest(draft, known)
    return
  }
  if (record.status === "left") return endByOthers(draft, member, record)
  if (record.status === "alive") {
    refresh(draft, record)
    return Drafts.relay(draft, record)
  }
  accuse(draft, member, record, record.by ?? from)
}

/** Stores a record of a known life that is alive, and tells the application what changed by it. */
export const refresh = (draft: Draft, record: PeerRecord): void => {
  const before = draft.state.members.get(record.name)
  if (before === undefined) return
  const alive = record.status === "alive"
  // What a peer has just said about itself came to this node, so somebody has a link to it.
  const link = alive && before.link === "down" ? "indirect" : before.link
  const member = Drafts.editMember(draft, record.name, {
    record,
    ...(alive ? { shown: "alive", suspicion: undefined, link } : {}),
  })
  if (member === undefined || member.parted) return
  if (alive && States.isSought(member)) Drafts.rest(draft, record.name)
  if (alive && before.shown !== "alive") Drafts.emit(draft, { _tag: "Recovered", peer: States.toPeer(member) })
  else if (link !== before.link) Drafts.emit(draft, { _tag: "Unreachable", peer: States.toPeer(member) })
  announceBody(draft, before, member)
}

/** Tells the application of another body, if it sees the member. */
const announceBody = (draft: Draft, { record: { body: old } }: Member, member: Member): void => {
  const { body } = member.record
  if (!States.visible(member) || old === body || PeerRecords.bodyHash(old) === PeerRecords.bodyHash(body)) return
  Drafts.emit(draft, { _tag: "MetadataChanged", peer: States.toPeer(member) })
}

/**
 * R4, R6: somebody doubts a member. With a live link the member is told and gets a moment to refute
 * before the application hears of it; without one this node's own timer runs.
 */
const accuse = (draft: Draft, member: Member, record: PeerRecord, by: string): void => {
  const { self, settings, size } = draft.state
  const { name, incarnation, status } = record
  const isSame = member.record.incarnation === incarnation
  // An accuser may hold no body any more, and within one incarnation there is but one.
  const believed = isSame ? { ...record, body: member.record.body } : record
  const same = isSame ? member.suspicion : undefined
  // Many lose a peer at one moment; more accusers than shorten the timer are of no use to anybody.
  const isFurther = same?.accusers.has(by) === false && same.accusers.size <= expectedConfirmations(size)
  const isNews = PeerRecords.compareKeys(record, member.record) > 0 || isFurther
  // Whom a link showed alive, though it was accused, is suspect again without that link.
  const isHidden = member.link !== "up" && member.shown === "alive"
  if (!isNews && same !== undefined && !isHidden) return
  if (isNews || by === self.name) Drafts.relay(draft, { ...believed, by })
  if (member.shown === "failed" && status === "failed") {
    Drafts.editMember(draft, name, { record: believed })
    return
  }
  const live = member.link === "up"
  const next = Drafts.editMember(draft, name, {
    record: believed,
    // Who was shown failed stays so: others gave it up later, and only the verdict on that is missing.
    shown: live || member.shown === "failed" ? member.shown : "suspect",
    suspicion: {
      since: same?.since ?? draft.now,
      accusers: new Map(same?.accusers).set(by, record.refused === true),
      heldUntil: live && member.shown === "alive" ? (same?.heldUntil ?? draft.now + settings.suspicionMin) : undefined,
    },
  })
  if (live) Drafts.tellBelief(draft, record)
  if (next === undefined) return
  if (!next.parted && next.shown !== member.shown) {
    Drafts.emit(draft, { _tag: "Suspected", peer: States.toPeer(next) })
  } else announceBody(draft, member, next)
}

/** R4: neither this node nor anybody whom it asked reaches a member. */
export const suspect = (draft: Draft, name: string): void => {
  const before = draft.state.members.get(name)
  const member = Drafts.editMember(draft, name, { link: "down" })
  if (before === undefined || member === undefined) return
  // With a suspicion of others the view says so already, and nothing else may change in it.
  if (before.suspicion !== undefined && before.link !== "down") {
    Drafts.emit(draft, { _tag: "Unreachable", peer: States.toPeer(member) })
  }
  const status = PeerRecords.rank[member.record.status] < PeerRecords.rank.suspect ? "suspect" : member.record.status
  accuse(draft, member, accusation(member, status, draft.state.self.name), draft.state.self.name)
}

/** What this node says of a member, by its own experience. */
const accusation = ({ dial, record }: Member, status: PeerRecord["status"], by: string): PeerRecord => {
  const { refused: _, ...rest } = record
  return { ...rest, status, by, ...(dial === "refused" ? { refused: true } : {}) }
}

/** R5, R6: the time of a suspicion is over, and nobody has to be asked before it is looked at. */
export const judge = (draft: Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member?.suspicion === undefined || draft.now < States.suspicionDeadline(draft.state, member.suspicion)) return
  const { record, suspicion } = member
  if (suspicion.heldUntil !== undefined) return reveal(draft, name)
  if (States.isSought(member)) return
  // Of one that it parted from it has no verdict of its own.
  const isForOthers = member.parted && record.status !== "failed"
  if (member.link !== "up" && !isForOthers) return fail(draft, name)
  // Whom this node hears it never calls failed, whatever others say; it asks for the refutation again.
  Drafts.editMember(draft, name, { suspicion: { ...suspicion, since: draft.now } })
  if (member.link === "up") Drafts.tellBelief(draft, record)
}

/** R5: the verdict. */
export const fail = (draft: Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member === undefined || member.link === "up") return
  const failed = accusation(member, "failed", draft.state.self.name)
  const next = Drafts.editMember(draft, name, {
    record: failed,
    shown: "failed",
    link: "down",
    failedAt: member.shown === "failed" ? member.failedAt : draft.now,
    suspicion: undefined,
  })
  if (!member.parted) Drafts.relay(draft, failed)
  // A suspicion that was not told, because the link was live then, is told before the verdict.
  if (member.shown === "alive" && !member.parted) {
    Drafts.emit(draft, { _tag: "Suspected", peer: { ...States.toPeer(member), status: "suspect" } })
  }
  if (next !== undefined && States.visible(member)) Drafts.emit(draft, { _tag: "Failed", peer: States.toPeer(next) })
}

/** After a stall of this node everybody whom it suspects gets at least the shortest suspicion again. */
export const postpone = (draft: Draft): void => {
  const { members, settings } = draft.state
  for (const [name, { suspicion }] of members) {
    if (suspicion === undefined) continue
    const by = draft.now + settings.suspicionMin - States.suspicionDeadline(draft.state, suspicion)
    if (by <= 0) continue
    const heldUntil = suspicion.heldUntil === undefined ? undefined : suspicion.heldUntil + by
    Drafts.editMember(draft, name, { suspicion: { ...suspicion, since: suspicion.since + by, heldUntil } })
  }
}

/** Tells the application of a suspicion that was held back. */
export const reveal = (draft: Draft, name: string): void => {
  const suspicion = draft.state.members.get(name)?.suspicion
  if (suspicion?.heldUntil === undefined) return
  const next = Drafts.editMember(draft, name, { shown: "suspect", suspicion: { ...suspicion, heldUntil: undefined } })
  if (next !== undefined && !next.parted) Drafts.emit(draft, { _tag: "Suspected", peer: States.toPeer(next) })
}

/** R7, R8: what is said about this node itself. */
export const aboutMe = (draft: Draft, said: YouAreBelief): void => {
  const { self, phase, wallOffset } = draft.state
  if (phase._tag !== "Running" || said.generation < self.generation) return
  if (said.generation > self.generation) {
    return said.generation > draft.now + wallOffset + generationLead
      ? Drafts.diagnose(draft, "a generation of this node's own name more than a day ahead was claimed; ignored")
      : Drafts.stop(draft, "superseded")
  }
  if (said.status === "left") return Drafts.stop(draft, "evicted")
  const refutes = said.status === "alive" ? said.incarnation > self.incarnation : said.incarnation >= self.incarnation
  if (!refutes) return
  if (said.incarnation > Math.min(self.incarnation + incarnationLead, PeerRecords.maxIncarnation - 1)) {
    return Drafts.diagnose(draft, "an incarnation of this node far beyond its own was claimed; ignored")
  }
  // Somebody lost this node for a while, and it may be this node's own fault.
  if (said.status !== "alive") Health.worsen(draft)
  Drafts.setSelf(draft, { incarnation: said.incarnation + 1 })
}

/** An owner is told that a greater record of it is known than it said, and writes one greater still. */
export const contest = (draft: Draft, known: PeerRecord): void =>
  Drafts.send(draft, [known.name], { _tag: "Update", records: [known] })

/** What is said about this node itself, with a body: two of one incarnation end with the next. */
const aboutMyBody = (draft: Draft, said: PeerRecord): void => {
  const { self, phase } = draft.state
  const isOther =
    PeerRecords.compareKeys(said, self) === 0 && PeerRecords.bodyHash(said.body) !== PeerRecords.bodyHash(self.body)
  if (phase._tag === "Running" && isOther) return Drafts.setSelf(draft, { incarnation: self.incarnation + 1 })
  aboutMe(draft, said)
}

/** R9: a life is over. Nobody redials it, and only a newer one comes back. */
export const end = (draft: Draft, member: Member, record: PeerRecord): void => {
  const left: PeerRecord = { ...record, status: "left", body: PeerRecords.emptyBody }
  Drafts.setMember(draft, record.name, undefined)
  forgetCandidate(draft, record)
  Drafts.bury(draft, left)
  Drafts.relay(draft, left)
  if (States.visible(member)) {
    Drafts.emit(draft, { _tag: "Left", peer: { ...States.toPeer(member), status: "left", link: "down" } })
  }
}
