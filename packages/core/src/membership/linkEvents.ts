/**
 * New and lost links: R2 (a handshake makes a member), R8 (a newer life replaces the older), R9 (an end with Bye) and
 * `disconnect`. `failureDetection.ts` handles the loss of the link to a living member. A Bye `replaced` counts as such
 * a loss, because only the refusal of the next handshake proves it (`namesakes.ts`).
 */
import type { Address } from "../Address.ts"
import type { PeerId } from "../Peer.ts"
import type { ByeCode, YouAreBelief } from "../protocol/Frame.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as AntiEntropy from "./antiEntropy.ts"
import * as Draft from "./Draft.ts"
import * as FailureDetection from "./failureDetection.ts"
import * as Gossip from "./gossip.ts"
import * as Leaving from "./leaving.ts"
import * as Member from "./Member.ts"
import * as Namesakes from "./namesakes.ts"
import * as Partition from "./partition.ts"
import * as ProbeRequests from "./probeRequests.ts"
import * as RecordMerge from "./recordMerge.ts"
import * as Refutation from "./refutation.ts"
import * as State from "./State.ts"

/** The completion of a handshake. */
export interface LinkUp {
  readonly _tag: "LinkUp"
  /** Record of the peer, which is alive, with the incarnation of the peer's Ready. */
  readonly record: PeerRecord.PeerRecord
  /** Dialed address, if this node dialed. */
  readonly address: Address | undefined
  /** View hash in the peer's Ready. */
  readonly viewHash: bigint
  /** Belief of the peer about this node. */
  readonly youAre: YouAreBelief | undefined
}

/** The end of a link. */
export interface LinkDown {
  readonly _tag: "LinkDown"
  readonly peer: PeerId
  /** Code of the peer's Bye, if it sent one. */
  readonly code: ByeCode | undefined
  /** `true` if this node ended the link because the peer was silent for the link timeout. */
  readonly silent: boolean
  /** Random number of 32 bits, with Bye `duplicate`. */
  readonly draw?: number | undefined
}

/** R2: makes the peer a member. Refuses a life that a newer life replaced, or for which there is no place. */
export const onLinkUp = (draft: Draft.Draft, { record, address, viewHash, youAre }: LinkUp): void => {
  const { name, generation } = record
  if (draft.state.phase._tag !== "Running") return Draft.closeLink(draft, record, "left")
  if (generation < State.livingGeneration(draft.state, name)) return Draft.closeLink(draft, record, "replaced")
  const tombstone = State.tombstoneOfLeft(draft.state, record)
  // Not `parted`: the peer may be another process of this life, which then dials again.
  if (tombstone !== undefined && isLateHandshake(draft, record, tombstone)) {
    return Draft.closeLink(draft, record, "replaced")
  }
  const member = removeFailedSuccessor(draft, record)
  const candidate = draft.state.candidates.get(name)
  const hasPlace = candidate !== undefined && candidate.record.generation <= generation
  if (member === undefined && !hasPlace && !makeRoom(draft)) {
    Draft.diagnose(draft, `refused the peer "${name}": the maximum number of members is reached`)
    return Draft.closeLink(draft, record, "busy")
  }
  // Other peers may have reported the end of this life after the handshake began.
  const end = tombstone ?? State.reportedEndOf(draft.state, record)
  if (end !== undefined && PeerRecord.compareKeys(record, end) <= 0) Draft.sendBelief(draft, end)
  Draft.removeTombstone(draft, name)
  Draft.removeReportedEnd(draft, record)
  Partition.endIsolation(draft)
  draft.state.refusal = undefined
  if (hasPlace) Draft.setCandidate(draft, name, undefined)
  if (member?.record.generation === generation) {
    FailureDetection.onLinkUp(draft, member, record, address)
    if (contradicts(record, member.record)) RecordMerge.challengeOwner(draft, member.record)
  } else {
    AntiEntropy.onLinkDown(draft, name)
    Draft.addMember(draft, Member.make(record, "Linked", { address }))
    // Other peers already know a candidate, because this node gossiped its record.
    if (candidate?.record.generation !== generation) introduce(draft, record, viewHash)
    // Records of this life that others sent during the handshake remain valid, above all accusations.
    else RecordMerge.mergeRecord(draft, candidate.record, candidate.record.by ?? "somebody")
  }
  if (youAre !== undefined) Refutation.refute(draft, youAre)
  AntiEntropy.onLinkUp(draft, name, viewHash)
}

/**
 * Time in milliseconds after the Leave of a peer in which a handshake that began before may complete: twice the time that
 * a node waits before it stops, which is also the timeout of a handshake. Later only another process with the generation
 * of the peer can complete one.
 */
export const lateHandshake = 10_000

/**
 * R9: returns whether a handshake with a life may have begun before the peer reported that the life leaves. A peer that
 * leaves refutes nothing, so a greater record is of another process with the generation of the peer.
 */
const isLateHandshake = ({ now }: Draft.Draft, record: PeerRecord.PeerRecord, tombstone: State.Tombstone): boolean =>
  tombstone.leftAt !== undefined &&
  now < tombstone.leftAt + lateHandshake &&
  PeerRecord.compareKeys(record, tombstone) <= 0

/**
 * Returns whether the record in a handshake contradicts an alive record of the same owner: it has a lower key, or the
 * same key with another body. The owner must then write a greater record.
 */
const contradicts = (shown: PeerRecord.PeerRecord, held: PeerRecord.PeerRecord): boolean => {
  const order = PeerRecord.compareKeys(shown, held)
  return held.status === "alive" && (order < 0 || (order === 0 && PeerRecord.compare(shown, held) !== 0))
}

/**
 * R8: removes a newer life that failed, because the older life has completed a handshake and is therefore alive.
 * Returns the remaining member of this name.
 */
const removeFailedSuccessor = (draft: Draft.Draft, { generation, name }: PeerId): Member.Member | undefined => {
  const member = draft.state.members.get(name)
  if (member === undefined || member.record.generation <= generation) return member
  Draft.setMember(draft, name, undefined)
  return undefined
}

/**
 * Broadcasts a newcomer that had no links yet, which its view hash shows. A peer with links has been announced and
 * dials the others itself. A second announcement by every member would cost O(n²) messages per join.
 */
const introduce = (draft: Draft.Draft, record: PeerRecord.PeerRecord, viewHash: bigint): void =>
  viewHash === PeerRecord.memberHash(record) ? Gossip.broadcast(draft, record) : Gossip.gossip(draft, record)

/**
 * Frees a place for a peer that completed a handshake: the place of a candidate, or else of the member that failed
 * longest ago.
 */
const makeRoom = (draft: Draft.Draft): boolean => {
  const { candidates, members, settings } = draft.state
  if (candidates.size + members.size < settings.maxMembers) return true
  for (const name of candidates.keys()) {
    Draft.setCandidate(draft, name, undefined)
    return true
  }
  let oldest: Member.FailedMember | undefined
  for (const member of members.values()) {
    if (Member.isActive(member)) continue
    if (member.standing.failedAt < (oldest?.standing.failedAt ?? Number.POSITIVE_INFINITY)) oldest = member
  }
  if (oldest === undefined) return false
  Draft.setMember(draft, oldest.record.name, undefined)
  Draft.addTombstone(draft, oldest.record)
  return true
}

/** Handles the end of a link. Updates the member (R3, R9) and everything that waited for an answer over the link. */
export const onLinkDown = (draft: Draft.Draft, event: LinkDown): void => {
  const { name } = event.peer
  Leaving.stopAwaiting(draft, name)
  AntiEntropy.onLinkDown(draft, name)
  onMemberLinkDown(draft, event)
  ProbeRequests.onLinkDown(draft, event.peer)
  FailureDetection.onRespondentLost(draft, name)
}

const onMemberLinkDown = (draft: Draft.Draft, { code, draw = 0, peer, silent }: LinkDown): void => {
  const member = draft.state.members.get(peer.name)
  if (member?.record.generation !== peer.generation || !Member.isLinked(member)) return
  if (code === "duplicate") Namesakes.onDisplaced(draft, draw)
  if (code === "left" || code === "superseded") return RecordMerge.endLife(draft, member, member.record, true)
  if (code !== "parted") return FailureDetection.onLinkLost(draft, member, silent)
  Draft.updateMember(draft, Member.unlinked(member))
  disconnect(draft, peer.name)
}

/**
 * Removes a peer from the view and closes its link. The peer stays a member, but this node gossips nothing about it.
 */
export const disconnect = (draft: Draft.Draft, name: string): void => {
  const member = draft.state.members.get(name)
  if (member === undefined || member.disconnected) return
  Draft.updateMember(draft, { ...member, disconnected: true })
  if (Member.isLinked(member)) Draft.closeLink(draft, member.record, "parted")
  if (Member.isInView(member)) {
    Draft.emit(draft, { _tag: "Disconnected", peer: Member.toRemoved(member, "disconnected") })
  }
}
