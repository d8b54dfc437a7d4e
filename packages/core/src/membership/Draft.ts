/**
 * Changes of one step. A step starts with {@link start}, reads and changes the draft, and ends with {@link finish},
 * which returns the next state and the outputs.
 *
 * A step copies a map when it first writes to the map, and copies only the changed part of a large map. A step that
 * changes nothing therefore costs nothing, and earlier states never change. Each function maintains the values that
 * depend on its change: the view hash, the size, the view, and the rule that only peers that need a probe have a probe
 * round.
 */
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import * as ClusterEvent from "../ClusterEvent.ts"
import { SharedMap } from "../internal/SharedMap.ts"
import type { PeerId } from "../Peer.ts"
import type { ByeCode, MembershipFrame } from "../protocol/Frame.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Member from "./Member.ts"
import type { Candidate, Claim, ProbeRound, State, StopReason } from "./State.ts"

/** A frame that answers a request with records. */
export type AnswerFrame = Extract<MembershipFrame, { readonly _tag: "SyncDelta" | "Update" }>

/** A command from a step to the rest of the node. */
export type Output =
  /** Sends a frame on the links to these peers. */
  | { readonly _tag: "Send"; readonly to: ReadonlyArray<string>; readonly frame: MembershipFrame }
  /**
   * Sends an answer on the link to a peer. Submits `AnswerWritten` when the link has written all its control frames.
   */
  | { readonly _tag: "Answer"; readonly peer: PeerId; readonly frame: AnswerFrame }
  /** Ends the link to a peer. */
  | { readonly _tag: "CloseLink"; readonly peer: PeerId; readonly code: ByeCode }
  /** Sends a Ping to a peer. Submits `PeerHeard` when the peer sends anything. */
  | { readonly _tag: "PingNow"; readonly peer: PeerId }
  /** Publishes an event to the application. */
  | { readonly _tag: "Emit"; readonly event: ViewChange | Notice }
  /** Stops this node: closes every link and accepts no new links. */
  | { readonly _tag: "Stopped"; readonly reason: StopReason }

/** Value of `touched` in a step that neither stored nor removed a member or candidate. */
const untouched: ReadonlySet<string> = new Set()

type Writable<A> = { -readonly [K in keyof A]: A[K] }

export interface Draft {
  /** The state before the step. */
  readonly previous: State
  readonly now: number
  readonly state: Writable<State>
  readonly outputs: Array<Output>
}

/** Starts a step. */
export const start = (state: State, now: number): Draft => ({
  previous: state,
  now,
  state: { ...state, touched: untouched },
  outputs: [],
})

/** Ends a step. Returns the previous state if nothing changed. */
export const finish = (draft: Draft): readonly [State, ReadonlyArray<Output>] => [
  isSame(draft.state, draft.previous) ? draft.previous : draft.state,
  draft.outputs,
]

/** Compares all fields except `touched`, which describes the last step that changed the state. */
const isSame = (a: State, b: State): boolean => {
  for (const key in a) {
    const field = key as keyof State
    if (field !== "touched" && a[field] !== b[field]) return false
  }
  return true
}

/** Returns a map by name that this step may write to. Copies only the changed part, unlike {@link writable}. */
export const writableShared = <V>(previous: ReadonlyMap<string, V>, current: ReadonlyMap<string, V>): SharedMap<V> =>
  previous !== current && current instanceof SharedMap ? current : SharedMap.from(current)

/**
 * Returns a map that this step may write to. If `current` differs from `previous`, this step has already copied the
 * map.
 */
export const writable = <K, V>(previous: ReadonlyMap<K, V>, current: ReadonlyMap<K, V>): Map<K, V> =>
  previous === current ? new Map(current) : (current as Map<K, V>)

// ---- members ----

/** Stores or removes a member. */
export const setMember = (draft: Draft, name: string, member: Member.Member | undefined): void => {
  const { state } = draft
  const members = writableShared(draft.previous.members, state.members)
  const old = members.get(name)
  touch(draft, name)
  if (isLinked(member) !== isLinked(old)) setLinked(draft, name, isLinked(member))
  if (isAccused(member) !== isAccused(old)) {
    const accused = writableShared(draft.previous.accused, state.accused)
    if (isAccused(member)) accused.set(name, true)
    else accused.delete(name)
    state.accused = accused
  }
  if (old !== undefined && Member.countsInSize(old.record)) {
    state.viewHash ^= old.hash
    state.size--
  }
  if (member === undefined) members.delete(name)
  else {
    members.set(name, member)
    if (Member.countsInSize(member.record)) {
      state.viewHash ^= member.hash
      state.size++
    }
  }
  state.members = members
  endRound(draft, name)
}

const isLinked = (member: Member.Member | undefined): boolean => member !== undefined && Member.isLinked(member)

const isAccused = (member: Member.Member | undefined): boolean =>
  member !== undefined && member.standing._tag !== "Alive"

const setLinked = ({ previous, state }: Draft, name: string, linked: boolean): void => {
  const names = state.linked === previous.linked ? previous.linked.fork() : state.linked
  if (linked) names.add(name)
  else names.delete(name)
  state.linked = names
}

/** Records that this step stored or removed the member or candidate of a name. */
const touch = ({ state }: Draft, name: string): void => {
  if (state.touched === untouched) state.touched = new Set([name])
  else (state.touched as Set<string>).add(name)
}

/** Stores a member after a transition, and returns it. */
export const updateMember = <A extends Member.Member>(draft: Draft, member: A): A => {
  setMember(draft, member.record.name, member)
  return member
}

/** Adds a peer, or replaces an older life of the peer, and emits `Joined` or `Replaced`. */
export const addMember = (draft: Draft, member: Member.ActiveMember): void => {
  const { name } = member.record
  const old = draft.state.members.get(name)
  setMember(draft, name, member)
  const peer = Member.toPeer(member)
  emit(
    draft,
    old === undefined || old.disconnected
      ? { _tag: "Joined", peer }
      : { _tag: "Replaced", peer, old: Member.toRemoved(old, "replaced") },
  )
}

/** Emits `MetadataChanged` if the body of a member in the view changed. */
export const announceBody = (
  draft: Draft,
  { record: { body: previous } }: Member.Member,
  member: Member.Member,
): void => {
  const { body } = member.record
  if (!Member.isInView(member) || PeerRecord.isSameBody(previous, body)) return
  emit(draft, { _tag: "MetadataChanged", peer: Member.toPeer(member) })
}

/** Stores or removes a candidate. */
export const setCandidate = (draft: Draft, name: string, candidate: Candidate | undefined): void => {
  const candidates = writableShared(draft.previous.candidates, draft.state.candidates)
  count(draft, candidates.get(name), -1)
  count(draft, candidate, 1)
  if (candidate === undefined) candidates.delete(name)
  else {
    candidates.set(name, candidate)
    draft.state.nextExpiry = Math.min(draft.state.nextExpiry, candidate.expiresAt)
  }
  draft.state.candidates = candidates
  touch(draft, name)
  endRound(draft, name)
}

/** Stores the claims of newer lives of this node's name. Claims are dialed in the order of `claims`. */
export const setClaims = (draft: Draft, claims: Iterable<readonly [announcer: string, claim: Claim]>): void => {
  draft.state.claims = new Map(claims)
  touch(draft, draft.state.self.name)
}

const count = ({ previous, state }: Draft, candidate: Candidate | undefined, change: 1 | -1): void => {
  if (candidate === undefined) return
  const announced = writable(previous.announced, state.announced)
  const left = (announced.get(candidate.announcer) ?? 0) + change
  if (left === 0) announced.delete(candidate.announcer)
  else announced.set(candidate.announcer, left)
  state.announced = announced
}

// ---- probe rounds ----

/** Stores or removes the probe round about a peer. */
export const setRound = (draft: Draft, name: string, round: ProbeRound | undefined): void => {
  if (round === undefined && !draft.state.rounds.has(name)) return
  const rounds = writableShared(draft.previous.rounds, draft.state.rounds)
  const before = awaitingOf(rounds.get(name))
  const after = awaitingOf(round)
  for (const from of before) if (!after.has(from)) setAwaited(draft, from, name, false)
  for (const from of after) if (!before.has(from)) setAwaited(draft, from, name, true)
  if (round === undefined) rounds.delete(name)
  else rounds.set(name, round)
  draft.state.rounds = rounds
}

const nobody: ReadonlySet<string> = new Set()

const awaitingOf = (round: ProbeRound | undefined): ReadonlySet<string> =>
  round?._tag === "Probing" ? round.awaiting : nobody

const noRounds: ReadonlyMap<string, true> = new Map()

/** Sets whether the probe round about the peer `name` waits for an answer from the member `from`. */
const setAwaited = ({ previous, state }: Draft, from: string, name: string, isAwaited: boolean): void => {
  const awaited = writableShared(previous.awaited, state.awaited)
  const names = writableShared(previous.awaited.get(from) ?? noRounds, awaited.get(from) ?? noRounds)
  if (isAwaited) names.set(name, true)
  else names.delete(name)
  if (names.size === 0) awaited.delete(from)
  else awaited.set(from, names)
  state.awaited = awaited
}

/** Removes the probe round about a peer that is not a candidate and no longer needs a probe. */
const endRound = (draft: Draft, name: string): void => {
  const { candidates, members, rounds } = draft.state
  if (!rounds.has(name) || candidates.has(name)) return
  const member = members.get(name)
  if (member === undefined || !Member.needsProbe(member)) setRound(draft, name, undefined)
}

// ---- tombstones ----

const tombstoneCapacity = ({ settings, size }: State): number => Math.max(settings.tombstoneCapacity, 4 * size)

/**
 * Stores a tombstone for a member that ended. Evicts the oldest tombstones above the capacity (R12). `leftAt` is the
 * time at which the peer itself reported its leave. A later tombstone of the same life keeps it.
 */
export const addTombstone = (
  draft: Draft,
  { generation, incarnation, name, status }: Key,
  leftAt: number | undefined = undefined,
): void => {
  const { settings } = draft.state
  const tombstones = writable(draft.previous.tombstones, draft.state.tombstones)
  const before = tombstones.get(name)
  const expiresAt = draft.now + settings.tombstoneTimeout
  tombstones.delete(name)
  tombstones.set(name, {
    name,
    generation,
    incarnation,
    status,
    expiresAt,
    leftAt: leftAt ?? (before?.generation === generation ? before.leftAt : undefined),
  })
  const capacity = tombstoneCapacity(draft.state)
  for (const oldest of tombstones.keys()) {
    if (tombstones.size <= capacity) break
    tombstones.delete(oldest)
  }
  draft.state.tombstones = tombstones
}

/** Removes the tombstone of a name. */
export const removeTombstone = (draft: Draft, name: string): void => {
  if (!draft.state.tombstones.has(name)) return
  const tombstones = writable(draft.previous.tombstones, draft.state.tombstones)
  tombstones.delete(name)
  draft.state.tombstones = tombstones
}

/** Returns whether a reported end for this name fits (R12). A reported end never evicts that of another name. */
export const hasRoomForReportedEnd = ({ state }: Draft, name: string): boolean =>
  state.reportedEnds.size - Number(state.reportedEnds.has(name)) < tombstoneCapacity(state)

/** Stores a reported end. Further reports about the same life do not prolong it. */
export const addReportedEnd = (draft: Draft, { generation, incarnation, name, status }: Key): void => {
  const ends = writable(draft.previous.reportedEnds, draft.state.reportedEnds)
  const before = ends.get(name)
  const isSameLife = before?.generation === generation
  // Another life is stored behind all others, because it expires last.
  if (!isSameLife) ends.delete(name)
  const expiresAt = isSameLife ? before.expiresAt : draft.now + draft.state.settings.candidateTimeout
  ends.set(name, { name, generation, incarnation, status, expiresAt })
  draft.state.reportedEnds = ends
}

/** Removes the reported end of a name, unless it is the end of a later life than `generation`. */
export const removeReportedEnd = (draft: Draft, { generation, name }: PeerId): void => {
  const end = draft.state.reportedEnds.get(name)
  if (end === undefined || end.generation > generation) return
  const ends = writable(draft.previous.reportedEnds, draft.state.reportedEnds)
  ends.delete(name)
  draft.state.reportedEnds = ends
}

// ---- outputs ----

/** Sends a frame on the links to these peers. */
export const send = (draft: Draft, to: ReadonlyArray<string>, frame: MembershipFrame): void => {
  if (to.length > 0) draft.outputs.push({ _tag: "Send", to, frame })
}

/** Sends an answer to a member with a link. */
export const answer = (draft: Draft, name: string, frame: AnswerFrame): void => {
  const member = draft.state.members.get(name)
  if (member === undefined) return
  const { generation } = member.record
  draft.outputs.push({ _tag: "Answer", peer: { name, generation }, frame })
}

/** Sends a peer this node's belief about it. A later belief of the same step replaces an earlier one. */
export const sendBelief = (draft: Draft, { generation, incarnation, name, status }: Key): void => {
  const earlier = draft.outputs.findIndex(
    (output) => output._tag === "Send" && output.frame._tag === "YouAre" && output.to[0] === name,
  )
  if (earlier >= 0) draft.outputs.splice(earlier, 1)
  send(draft, [name], { _tag: "YouAre", generation, incarnation, status })
}

/** Sends a Ping to a peer now. */
export const pingNow = (draft: Draft, { generation, name }: PeerId): void => {
  draft.outputs.push({ _tag: "PingNow", peer: { name, generation } })
}

/** Ends the link to a peer. */
export const closeLink = (draft: Draft, peer: PeerId, code: ByeCode): void => {
  draft.outputs.push({ _tag: "CloseLink", peer, code })
}

/** Publishes an event and applies it to the view. */
export const emit = (draft: Draft, event: ViewChange | Notice): void => {
  draft.state.view = ClusterEvent.apply(draft.state.view, event)
  draft.outputs.push({ _tag: "Emit", event })
}

/** Publishes a `Diagnostic`. */
export const diagnose = (draft: Draft, message: string): void => emit(draft, { _tag: "Diagnostic", message })

/** Stops this node. */
export const stop = (draft: Draft, reason: StopReason): void => {
  if (draft.state.phase._tag === "Stopped") return
  draft.state.phase = { _tag: "Stopped", reason }
  if (reason === "superseded") emit(draft, { _tag: "Superseded" })
  draft.outputs.push({ _tag: "Stopped", reason })
}
