/**
 * Links that come and go, seen from membership: R1, R2, R3, R8, R10, and parting.
 */
import type { Address } from "../Address.ts"
import type { ByeCode, YouAreBelief } from "../protocol/Frame.ts"
import type { PeerId } from "../Peer.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as AntiEntropy from "./antiEntropy.ts"
import * as Draft from "./Draft.ts"
import * as ProbeRequests from "./probeRequests.ts"
import * as Leaving from "./leaving.ts"
import * as Partition from "./partition.ts"
import * as Probing from "./probing.ts"
import * as RecordMerge from "./recordMerge.ts"
import type { Member } from "./State.ts"
import * as State from "./State.ts"

export interface LinkUp {
  readonly _tag: "LinkUp"
  /** The peer's own record, with the incarnation of its Ready. */
  readonly record: PeerRecord.PeerRecord
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
export const linkUp = (draft: Draft.Draft, { record, address, viewHash, youAre }: LinkUp): void => {
  const { name, generation } = record
  if (draft.state.phase._tag !== "Running") return Draft.closeLink(draft, record, "left")
  const member = draft.state.members.get(name)
  const farewell = State.tombstoneOfLeft(draft.state, record)
  if (farewell !== undefined) {
    // Not replaced, but gone: it may start again.
    Draft.tellBelief(draft, farewell)
    return Draft.closeLink(draft, record, "parted")
  }
  if (generation < State.newestLife(draft.state, name)) return Draft.closeLink(draft, record, "replaced")

  const candidate = draft.state.candidates.get(name)
  const hasPlace = candidate !== undefined && candidate.record.generation <= generation
  if (member === undefined && !hasPlace && !makeRoom(draft)) {
    Draft.diagnose(draft, `"${name}" wants to be a member, but the bound of members is reached; refused`)
    return Draft.closeLink(draft, record, "parted")
  }
  Draft.removeTombstone(draft, name)
  Partition.reconnect(draft)
  if (hasPlace) Draft.setCandidate(draft, name, undefined)
  if (member?.record.generation === generation) reconnected(draft, record, address)
  else {
    Draft.addMember(draft, Draft.makeMember(record, "up", address))
    // A candidate is known to others, who have been told as this node was.
    if (candidate?.record.generation !== generation) introduce(draft, record, viewHash)
    // What was said of it while the handshake ran, above all an accusation, holds.
    if (candidate?.record.generation === generation) {
      RecordMerge.mergeRecord(draft, candidate.record, candidate.record.by ?? "somebody")
    }
  }
  if (youAre !== undefined) RecordMerge.refute(draft, youAre)
  AntiEntropy.onLinkUp(draft, name, viewHash)
}

/**
 * One that knew nobody else is told to everybody. Who has other links was told to everybody already, and dials them all by
 * itself: if each of them told each, one that joins would cost the square of the size of the cluster.
 */
const introduce = (draft: Draft.Draft, record: PeerRecord.PeerRecord, viewHash: bigint): void =>
  viewHash === PeerRecord.memberHash(record) ? Draft.broadcast(draft, record) : Draft.gossip(draft, record)

/** A place for a peer that this node met: before it go those that are hearsay, and then the longest failed. */
const makeRoom = (draft: Draft.Draft): boolean => {
  const { candidates, members, settings } = draft.state
  if (candidates.size + members.size < settings.maxMembers) return true
  for (const name of candidates.keys()) {
    Draft.setCandidate(draft, name, undefined)
    return true
  }
  let oldest: Member | undefined
  for (const member of members.values()) {
    if (member.localStatus === "failed" && member.failedAt < (oldest?.failedAt ?? Number.POSITIVE_INFINITY))
      oldest = member
  }
  if (oldest === undefined) return false
  Draft.setMember(draft, oldest.record.name, undefined)
  Draft.addTombstone(draft, oldest.record)
  return true
}

const reconnected = (draft: Draft.Draft, record: PeerRecord.PeerRecord, address: Address | undefined): void => {
  const { name } = record
  const before = draft.state.members.get(name)
  if (before === undefined) return
  const next = Draft.editMember(draft, name, {
    link: "up",
    disconnected: false,
    localStatus: before.disconnected ? "alive" : before.localStatus,
    address: address ?? before.address,
  })
  if (next === undefined) return
  if (before.disconnected) Draft.emit(draft, { _tag: "Joined", peer: State.toPeer(next) })
  else if (before.link !== "up" && State.isInView(next)) {
    Draft.emit(draft, { _tag: "Reachable", peer: State.toPeer(next) })
  }
  if (PeerRecord.compare(record, before.record) >= 0) return RecordMerge.refresh(draft, record)
  if (before.record.status === "alive") return RecordMerge.challengeOwner(draft, before.record)
  // It was accused while the handshake ran: it is told, and what was held for failed is seen alive.
  Draft.tellBelief(draft, before.record)
  const suspicion = before.suspicion ?? { since: draft.now, accusers: new Map<string, boolean>(), heldUntil: undefined }
  const seen = Draft.editMember(draft, name, { localStatus: "alive", suspicion: { ...suspicion, since: draft.now } })
  if (seen !== undefined && !before.disconnected && before.localStatus !== "alive") {
    Draft.emit(draft, { _tag: "Recovered", peer: State.toPeer(seen) })
  }
}

/** R3, R9. */
export const linkDown = (draft: Draft.Draft, end: LinkDown): void => {
  const { peer } = end
  lose(draft, end)
  ProbeRequests.forget(draft, peer)
  Probing.forget(draft, peer.name)
}

const lose = (draft: Draft.Draft, { code, peer, silent }: LinkDown): void => {
  const isRunning = draft.state.phase._tag === "Running"
  // A node that took a higher generation may have been replaced by itself: a handshake under the lower one
  // was under way. If it was another life after all, the next Hello or Update says so.
  if (code === "replaced" && isRunning && !draft.state.raised) Draft.stop(draft, "superseded")
  Leaving.forget(draft, peer.name)
  AntiEntropy.forget(draft, peer.name)
  const member = draft.state.members.get(peer.name)
  if (member === undefined || member.record.generation !== peer.generation || member.link !== "up") return
  if (code === "left" || code === "superseded") return RecordMerge.end(draft, member, member.record)
  const next = Draft.editMember(draft, peer.name, {
    link: "down",
    dial: "pending",
    mismatch: undefined,
    synced: undefined,
  })
  if (code === "parted") return disconnect(draft, peer.name)
  RecordMerge.publishSuspicion(draft, peer.name)
  const now = draft.state.members.get(peer.name) ?? next
  if (now !== undefined && State.isInView(now)) {
    Draft.emit(draft, { _tag: "Unreachable", peer: State.toPeer(now) })
  }
  if (isRunning && now !== undefined && State.needsProbe(now))
    Probing.begin(draft, peer.name, silent ? draft.now : undefined)
}

/** Takes a peer out of the view without saying anything about it; the link, if any, is closed. */
export const disconnect = (draft: Draft.Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member === undefined || member.disconnected) return
  const next = Draft.editMember(draft, name, { disconnected: true })
  if (member.link === "up") Draft.closeLink(draft, member.record, "parted")
  if (next !== undefined && State.isInView(member))
    Draft.emit(draft, { _tag: "Disconnected", peer: State.toPeer(next) })
}
