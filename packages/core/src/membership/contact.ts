/**
 * Links that come and go, seen from membership: R1, R2, R3, R8, R10, and parting.
 */
import type { Address } from "../Address.ts"
import type { ByeCode, YouAreBelief } from "../Frame.ts"
import type { PeerId } from "../PeerId.ts"
import type { PeerRecord } from "../PeerRecord.ts"
import * as PeerRecords from "../PeerRecord.ts"
import * as AntiEntropy from "./antiEntropy.ts"
import type { Draft } from "./Draft.ts"
import * as Drafts from "./Draft.ts"
import * as Errands from "./errands.ts"
import * as Leaving from "./leaving.ts"
import * as Partition from "./partition.ts"
import * as Probing from "./probing.ts"
import * as Records from "./records.ts"
import type { Member } from "./State.ts"
import * as States from "./State.ts"

export interface LinkUp {
  readonly _tag: "LinkUp"
  /** The peer's own record, with the incarnation of its Ready. */
  readonly record: PeerRecord
  /** The address that was dialled, if this node dialled. */
  readonly address: Address | undefined
  readonly viewHash: bigint
  readonly youAre: YouAreBelief | undefined
}

/** A link is over. */
export interface LinkDown {
  readonly _tag: "LinkDown"
  readonly peer: PeerId
  /** That of the peer's Bye, if there was one. */
  readonly code: ByeCode | undefined
  /** Whether this node ended it, as it heard nothing for as long as it bears. */
  readonly silent: boolean
}

/** R2: a completed handshake makes a member. */
export const linkUp = (draft: Draft, { record, address, viewHash, youAre }: LinkUp): void => {
  const { name, generation } = record
  if (draft.state.phase._tag !== "Running") return Drafts.closeLink(draft, record, "left")
  const member = draft.state.members.get(name)
  const farewell = States.farewellOf(draft.state, record)
  if (farewell !== undefined) {
    // Not replaced, but gone: it may start again.
    Drafts.tellBelief(draft, farewell)
    return Drafts.closeLink(draft, record, "parted")
  }
  if (generation < States.newestLife(draft.state, name)) return Drafts.closeLink(draft, record, "replaced")

  const candidate = draft.state.candidates.get(name)
  const hasPlace = candidate !== undefined && candidate.record.generation <= generation
  if (member === undefined && !hasPlace && !makeRoom(draft)) {
    Drafts.diagnose(draft, `"${name}" wants to be a member, but the bound of members is reached; refused`)
    return Drafts.closeLink(draft, record, "parted")
  }
  Drafts.unbury(draft, name)
  Partition.reconnect(draft)
  if (hasPlace) Drafts.setCandidate(draft, name, undefined)
  if (member?.record.generation === generation) reconnected(draft, record, address)
  else {
    Drafts.enter(draft, Drafts.makeMember(record, "up", address))
    // A candidate is known to others, who have been told as this node was.
    if (candidate?.record.generation !== generation) introduce(draft, record, viewHash)
    // What was said of it while the handshake ran, above all an accusation, holds.
    if (candidate?.record.generation === generation) {
      Records.learn(draft, candidate.record, candidate.record.by ?? "somebody")
    }
  }
  if (youAre !== undefined) Records.aboutMe(draft, youAre)
  AntiEntropy.onLinkUp(draft, name, viewHash)
}

/**
 * One that knew nobody else is told to everybody. Who has other links was told to everybody already, and dials them all by
 * itself: if each of them told each, one that joins would cost the square of the size of the cluster.
 */
const introduce = (draft: Draft, record: PeerRecord, viewHash: bigint): void =>
  viewHash === PeerRecords.memberHash(record) ? Drafts.tell(draft, record) : Drafts.relay(draft, record)

/** A place for a peer that this node met: before it go those that are hearsay, and then the longest failed. */
const makeRoom = (draft: Draft): boolean => {
  const { candidates, members, settings } = draft.state
  if (candidates.size + members.size < settings.maxMembers) return true
  for (const name of candidates.keys()) {
    Drafts.setCandidate(draft, name, undefined)
    return true
  }
  let oldest: Member | undefined
  for (const member of members.values()) {
    if (member.shown === "failed" && member.failedAt < (oldest?.failedAt ?? Number.POSITIVE_INFINITY)) oldest = member
  }
  if (oldest === undefined) return false
  Drafts.setMember(draft, oldest.record.name, undefined)
  Drafts.bury(draft, oldest.record)
  return true
}

const reconnected = (draft: Draft, record: PeerRecord, address: Address | undefined): void => {
  const { name } = record
  const before = draft.state.members.get(name)
  if (before === undefined) return
  const next = Drafts.editMember(draft, name, {
    link: "up",
    parted: false,
    shown: before.parted ? "alive" : before.shown,
    address: address ?? before.address,
  })
  if (next === undefined) return
  if (before.parted) Drafts.emit(draft, { _tag: "Joined", peer: States.toPeer(next) })
  else if (before.link !== "up" && States.visible(next)) {
    Drafts.emit(draft, { _tag: "Reachable", peer: States.toPeer(next) })
  }
  if (PeerRecords.compare(record, before.record) >= 0) return Records.refresh(draft, record)
  if (before.record.status === "alive") return Records.contest(draft, before.record)
  // It was accused while the handshake ran: it is told, and what was held for failed is seen alive.
  Drafts.tellBelief(draft, before.record)
  const suspicion = before.suspicion ?? { since: draft.now, accusers: new Map<string, boolean>(), heldUntil: undefined }
  const seen = Drafts.editMember(draft, name, { shown: "alive", suspicion: { ...suspicion, since: draft.now } })
  if (seen !== undefined && !before.parted && before.shown !== "alive") {
    Drafts.emit(draft, { _tag: "Recovered", peer: States.toPeer(seen) })
  }
}

/** R3, R9. */
export const linkDown = (draft: Draft, end: LinkDown): void => {
  const { peer } = end
  lose(draft, end)
  Errands.forget(draft, peer)
  Probing.forget(draft, peer.name)
}

const lose = (draft: Draft, { code, peer, silent }: LinkDown): void => {
  const isRunning = draft.state.phase._tag === "Running"
  // A node that took a higher generation may have been replaced by itself: a handshake under the lower one
  // was under way. If it was another life after all, the next Hello or Update says so.
  if (code === "replaced" && isRunning && !draft.state.raised) Drafts.stop(draft, "superseded")
  Leaving.forget(draft, peer.name)
  AntiEntropy.forget(draft, peer.name)
  const member = draft.state.members.get(peer.name)
  if (member === undefined || member.record.generation !== peer.generation || member.link !== "up") return
  if (code === "left" || code === "superseded") return Records.end(draft, member, member.record)
  const next = Drafts.editMember(draft, peer.name, {
    link: "down",
    dial: "pending",
    mismatch: undefined,
    synced: undefined,
  })
  if (code === "parted") return part(draft, peer.name)
  Records.reveal(draft, peer.name)
  const now = draft.state.members.get(peer.name) ?? next
  if (now !== undefined && States.visible(now)) {
    Drafts.emit(draft, { _tag: "Unreachable", peer: States.toPeer(now) })
  }
  if (isRunning && now !== undefined && States.isSought(now))
    Probing.begin(draft, peer.name, silent ? draft.now : undefined)
}

/** Takes a peer out of the view without saying anything about it; the link, if any, is closed. */
export const part = (draft: Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member === undefined || member.parted) return
  const next = Drafts.editMember(draft, name, { parted: true })
  if (member.link === "up") Drafts.closeLink(draft, member.record, "parted")
  if (next !== undefined && States.visible(member)) Drafts.emit(draft, { _tag: "Parted", peer: States.toPeer(next) })
}
