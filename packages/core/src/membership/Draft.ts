/**
 * A state in the making: one step reads and changes it, and {@link finish} turns it into the next
 * state and the outputs. Maps are copied when they are first written to, so a step that changes
 * nothing costs nothing, and no earlier state is ever touched.
 */
import type { Address } from "../Address.ts"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import * as ClusterEvent from "../ClusterEvent.ts"
import type { ByeCode, MembershipFrame } from "../protocol/Frame.ts"
import type { PeerId } from "../Peer.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import { longestPause } from "./Settings.ts"
import type { Candidate, Member, ProbeRound, StopReason, Tombstone } from "./State.ts"
import * as State from "./State.ts"

/** What a step wishes. */
export type Output =
  | { readonly _tag: "Send"; readonly to: ReadonlyArray<string>; readonly frame: MembershipFrame }
  | { readonly _tag: "CloseLink"; readonly peer: PeerId; readonly code: ByeCode }
  /** Make the peer say something, and tell when anything comes from it (`Heard`). */
  | { readonly _tag: "PingNow"; readonly peer: PeerId }
  | { readonly _tag: "Emit"; readonly event: ViewChange | Notice }
  /** The node takes part no more: close every link and accept none. */
  | { readonly _tag: "Stopped"; readonly reason: StopReason }

type Writable<A> = { -readonly [K in keyof A]: A[K] }

export interface Draft {
  readonly before: State.State
  readonly now: number
  readonly state: Writable<State.State>
  readonly outputs: Array<Output>
}

export const start = (state: State.State, now: number): Draft => ({
  before: state,
  now,
  state: { ...state },
  outputs: [],
})

/** The next state; the one before, if nothing changed. */
export const finish = (draft: Draft): readonly [State.State, ReadonlyArray<Output>] => [
  isSame(draft.state, draft.before) ? draft.before : draft.state,
  draft.outputs,
]

const isSame = <A extends object>(a: A, b: A): boolean => {
  for (const key in a) if (a[key] !== b[key]) return false
  return true
}

// A map that is no longer the one of the state before was made by this function in this step.
const edited = <K, V>(before: ReadonlyMap<K, V>, current: ReadonlyMap<K, V>): Map<K, V> =>
  before === current ? new Map(current) : (current as Map<K, V>)

/** Stores or removes a member and keeps what follows from it true. */
export const setMember = (draft: Draft, name: string, member: Member | undefined): void => {
  const { state } = draft
  const members = edited(draft.before.members, state.members)
  const old = members.get(name)
  if (old !== undefined && State.countsInSize(old.record)) {
    state.viewHash ^= old.hash
    state.size--
  }
  if (member === undefined) members.delete(name)
  else {
    members.set(name, member)
    if (State.countsInSize(member.record)) {
      state.viewHash ^= member.hash
      state.size++
    }
  }
  state.members = members
  endRound(draft, name)
}

/** Nobody is asked about a peer that is not looked for any more. */
const endRound = (draft: Draft, name: string): void => {
  const { candidates, members, rounds } = draft.state
  if (!rounds.has(name) || candidates.has(name)) return
  const member = members.get(name)
  if (member === undefined || !State.needsProbe(member)) setRound(draft, name, undefined)
}

/** Stores or removes how far the asking about a peer is. */
export const setRound = (draft: Draft, name: string, round: ProbeRound | undefined): void => {
  if (round === undefined && !draft.state.rounds.has(name)) return
  const rounds = edited(draft.before.rounds, draft.state.rounds)
  if (round === undefined) rounds.delete(name)
  else rounds.set(name, round)
  draft.state.rounds = rounds
}

/** Changes some fields of a member; a new record gets its hash. */
export const editMember = (draft: Draft, name: string, changes: Partial<Omit<Member, "hash">>): Member | undefined => {
  const member = draft.state.members.get(name)
  if (member === undefined) return undefined
  const hash = changes.record === undefined ? member.hash : PeerRecord.memberHash(changes.record)
  const next = { ...member, ...changes, hash }
  setMember(draft, name, next)
  return next
}

export const makeMember = (
  record: PeerRecord.PeerRecord,
  link: Member["link"],
  address: Address | undefined,
): Member => ({
  record,
  hash: PeerRecord.memberHash(record),
  localStatus: "alive",
  link,
  through: undefined,
  dial: "pending",
  disconnected: false,
  address,
  suspicion: undefined,
  failedAt: 0,
  mismatch: undefined,
  synced: undefined,
})

/** A peer, or a newer life of one, becomes a member, and the application is told. */
export const addMember = (draft: Draft, member: Member): void => {
  const { name } = member.record
  const old = draft.state.members.get(name)
  setMember(draft, name, member)
  const peer = State.toPeer(member)
  emit(
    draft,
    old === undefined || old.disconnected
      ? { _tag: "Joined", peer }
      : { _tag: "Replaced", peer, old: State.toPeer(old) },
  )
}

export const setCandidate = (draft: Draft, name: string, candidate: Candidate | undefined): void => {
  const candidates = edited(draft.before.candidates, draft.state.candidates)
  if (candidate === undefined) candidates.delete(name)
  else candidates.set(name, candidate)
  draft.state.candidates = candidates
  endRound(draft, name)
}

/** Remembers what became of a name; the oldest memories go when there are too many (R12). */
export const addTombstone = (
  draft: Draft,
  record: Pick<PeerRecord.PeerRecord, "name" | "generation" | "incarnation" | "status">,
): void => {
  const { settings } = draft.state
  const tombstones = edited(draft.before.tombstones, draft.state.tombstones)
  const tombstone: Tombstone = {
    name: record.name,
    generation: record.generation,
    incarnation: record.incarnation,
    status: record.status,
    expiresAt: draft.now + settings.tombstoneTimeout,
  }
  tombstones.delete(record.name)
  tombstones.set(record.name, tombstone)
  const capacity = Math.max(settings.tombstoneCapacity, 4 * draft.state.size)
  for (const name of tombstones.keys()) {
    if (tombstones.size <= capacity) break
    tombstones.delete(name)
  }
  draft.state.tombstones = tombstones
}

/** Leaves a peer alone that others reach, each time for longer. */
export const waitBeforeNextRound = (
  draft: Draft,
  name: string,
  pause = draft.state.rounds.get(name)?.pause ?? draft.state.settings.heartbeat,
): void => {
  const until = draft.now + pause
  const longest = longestPause * draft.state.settings.heartbeat
  setRound(draft, name, { _tag: "Waiting", until, pause: Math.min(2 * pause, longest), graceUntil: undefined })
}

/** What can still be told of a name that is only remembered. */
export const recordOf = ({ generation, incarnation, name, status }: Tombstone): PeerRecord.PeerRecord => ({
  name,
  generation,
  incarnation,
  status,
  body: PeerRecord.emptyBody,
})

export const removeTombstone = (draft: Draft, name: string): void => {
  if (!draft.state.tombstones.has(name)) return
  const tombstones = edited(draft.before.tombstones, draft.state.tombstones)
  tombstones.delete(name)
  draft.state.tombstones = tombstones
}

/** This node's own record with changes, which everybody is told. */
export const setSelf = (draft: Draft, changes: Partial<PeerRecord.PeerRecord>): void => {
  const { state } = draft
  state.viewHash ^= state.selfHash
  state.self = { ...state.self, ...changes }
  state.selfHash = PeerRecord.memberHash(state.self)
  state.viewHash ^= state.selfHash
  broadcast(draft, state.self)
}

/** News of this node's own: to everybody with a link. */
export const broadcast = (draft: Draft, record: PeerRecord.PeerRecord): void => {
  const news = edited(draft.before.news, draft.state.news)
  news.set(record.name, record)
  draft.state.news = news
  draft.state.flushAt ??= draft.now + draft.state.settings.updateDelay
}

/** News from others, and accusations: once, to some. */
export const gossip = (draft: Draft, record: PeerRecord.PeerRecord): void => {
  // What was to be told to all is now this.
  if (draft.state.news.has(record.name)) return broadcast(draft, record)
  const relays = edited(draft.before.relays, draft.state.relays)
  // Each accuser counts, so the word of one does not replace that of another.
  const isAccusation = record.status === "suspect" || record.status === "failed"
  relays.set(isAccusation ? `${record.name}\0${record.by ?? ""}` : record.name, record)
  draft.state.relays = relays
  draft.state.flushAt ??= draft.now + draft.state.settings.updateDelay
}

export const send = (draft: Draft, to: ReadonlyArray<string>, frame: MembershipFrame): void => {
  if (to.length > 0) draft.outputs.push({ _tag: "Send", to, frame })
}

/** Tells a peer what is believed of it: once in a step, for what was said before in it is less. */
export const tellBelief = (draft: Draft, { generation, incarnation, name, status }: Key): void => {
  const before = draft.outputs.findIndex(
    (output) => output._tag === "Send" && output.frame._tag === "YouAre" && output.to[0] === name,
  )
  if (before >= 0) draft.outputs.splice(before, 1)
  send(draft, [name], { _tag: "YouAre", generation, incarnation, status })
}

export const pingNow = (draft: Draft, { generation, name }: PeerId): void => {
  draft.outputs.push({ _tag: "PingNow", peer: { name, generation } })
}

export const closeLink = (draft: Draft, peer: PeerId, code: ByeCode): void => {
  draft.outputs.push({ _tag: "CloseLink", peer, code })
}

/** Emits an event; one that changes the view changes it now. */
export const emit = (draft: Draft, event: ViewChange | Notice): void => {
  draft.state.view = ClusterEvent.apply(draft.state.view, event)
  draft.outputs.push({ _tag: "Emit", event })
}

export const diagnose = (draft: Draft, message: string): void => emit(draft, { _tag: "Diagnostic", message })

/** Ends this node's part. */
export const stop = (draft: Draft, reason: StopReason): void => {
  if (draft.state.phase._tag === "Stopped") return
  draft.state.phase = { _tag: "Stopped", reason }
  if (reason === "superseded") emit(draft, { _tag: "Superseded" })
  if (reason === "evicted") emit(draft, { _tag: "Evicted" })
  draft.outputs.push({ _tag: "Stopped", reason })
}
