/**
 * What this node believes about the cluster: a pure state machine. Inputs are facts, outputs are
 * wishes, and the decision is a function of the two and of the time; it knows no clock, no network and
 * no Effect service (docs/protocol.md, section "Membership").
 *
 * {@link State.deadline} says when the next {@link Tick} is wanted; timers are part of the state, so
 * none ever has to be cancelled.
 */
import type { MembershipFrame, YouAreBelief } from "../protocol/Frame.ts"
import * as Prng from "../internal/prng.ts"
import type { PeerId } from "../Peer.ts"
import { maxIncarnation } from "../protocol/constants.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as AntiEntropy from "./antiEntropy.ts"
import type { LinkDown, LinkUp } from "./linkEvents.ts"
import * as LinkEvents from "./linkEvents.ts"
import type { Output } from "./Draft.ts"
import * as Draft from "./Draft.ts"
import * as ProbeRequests from "./probeRequests.ts"
import * as Health from "./health.ts"
import * as Leaving from "./leaving.ts"
import * as Partition from "./partition.ts"
import * as Probing from "./probing.ts"
import * as RecordMerge from "./recordMerge.ts"
import { atLeastOne, generationLead } from "./Settings.ts"
import * as State from "./State.ts"

/** A fact. */
export type Input =
  | LinkUp
  | LinkDown
  /** A peer could not be reached at any of its addresses; `refused`: somebody said at each that it is not there. */
  | { readonly _tag: "DialFailed"; readonly name: string; readonly refused: boolean }
  | {
      readonly _tag: "Received"
      readonly from: PeerId
      readonly frame: MembershipFrame
      /** With a ProbeRequest: how many milliseconds ago the peer in question was heard on its link, if it has one. */
      readonly heardAgo?: number | undefined
    }
  /** Something came from a peer after the wish `Ask`. */
  | { readonly _tag: "Heard"; readonly peer: PeerId }
  /** A heartbeat brought a view hash that is not this node's. */
  | { readonly _tag: "HashDiffers"; readonly from: string; readonly viewHash: bigint }
  /** A handshake that is not complete told what is believed about this node. */
  | { readonly _tag: "Accused"; readonly youAre: YouAreBelief }
  /** A newer life of this node's name is known to somebody (`stale`). */
  | { readonly _tag: "Stale"; readonly atLeastGeneration: number }
  /** This node's generation has left, says somebody (`evicted`). */
  | { readonly _tag: "Evict" }
  /** Where this node can be reached, and what its application says about it. */
  | { readonly _tag: "Describe"; readonly metadata: Readonly<Record<string, string>> }
  | { readonly _tag: "Disconnect"; readonly name: string }
  | { readonly _tag: "Leave" }
  /** Time has passed; `stalled` if this process slept through the moment, and what was said meanwhile waits unread. */
  | { readonly _tag: "Tick"; readonly stalled?: boolean | undefined }

/** The next state and what is wished. `now` is a monotonic clock in milliseconds. */
export const step = (state: State.State, now: number, input: Input): readonly [State.State, ReadonlyArray<Output>] => {
  if (state.phase._tag === "Stopped") return [state, []]
  const draft = Draft.start(state, now)
  run(draft, input)
  Partition.watch(draft)
  return Draft.finish(draft)
}

const run = (draft: Draft.Draft, input: Input): void => {
  switch (input._tag) {
    case "LinkUp":
      return LinkEvents.linkUp(draft, input)
    case "LinkDown":
      return LinkEvents.linkDown(draft, input)
    case "DialFailed":
      return Probing.dialFailed(draft, input.name, input.refused)
    case "Received":
      return receive(draft, input)
    case "Heard":
      return ProbeRequests.heard(draft, input.peer)
    case "HashDiffers":
      return AntiEntropy.onHeartbeat(draft, input.from, input.viewHash)
    case "Accused":
      return RecordMerge.refute(draft, input.youAre)
    case "Stale":
      return stale(draft, input.atLeastGeneration)
    case "Evict":
      return evicted(draft)
    case "Describe": {
      const { body, incarnation } = draft.state.self
      return Draft.setSelf(draft, {
        body: { ...body, metadata: input.metadata },
        incarnation: Math.min(incarnation + 1, maxIncarnation),
      })
    }
    case "Disconnect":
      return LinkEvents.disconnect(draft, input.name)
    case "Leave":
      return Leaving.leave(draft)
    case "Tick":
      if (input.stalled === true) {
        Health.worsen(draft)
        RecordMerge.postpone(draft)
        Probing.postpone(draft)
        ProbeRequests.postpone(draft)
      }
      return tick(draft)
  }
}

const receive = (draft: Draft.Draft, { frame, from, heardAgo }: Input & { readonly _tag: "Received" }): void => {
  if (frame._tag === "Leave") return Leaving.receiveLeave(draft, from, frame.generation)
  if (frame._tag === "LeaveAck") return Leaving.forget(draft, from.name)
  // A link of an older life, or of one that is no member any more, says nothing that counts.
  if (draft.state.members.get(from.name)?.record.generation !== from.generation) return
  if (draft.state.phase._tag !== "Running") return
  switch (frame._tag) {
    case "Update":
      for (const record of frame.records) RecordMerge.mergeRecord(draft, record, from.name)
      return
    case "YouAre":
      return RecordMerge.refute(draft, frame)
    case "ProbeRequest":
      return ProbeRequests.asked(draft, from.name, frame, heardAgo)
    case "ProbeResult":
      return Probing.answered(draft, from.name, frame)
    case "SyncDigest":
      return AntiEntropy.receiveDigest(draft, from.name, frame)
    case "SyncDelta":
      return AntiEntropy.receiveDelta(draft, from.name, frame)
  }
}

/**
 * A clock set back, or a restart within a millisecond: before the first link this node takes a higher
 * generation; after it, somebody else lives under its name.
 */
const stale = (draft: Draft.Draft, atLeastGeneration: number): void => {
  const { self, members, phase, raised } = draft.state
  // To a Hello from before it took this generation the answer may be that this very one is known.
  const own = raised ? self.generation + 1 : self.generation
  if (phase._tag !== "Running" || atLeastGeneration <= own) return
  if (atLeastGeneration > draft.now + draft.state.wallOffset + generationLead) {
    return Draft.diagnose(draft, "a generation of this node's own name more than a day ahead was claimed; ignored")
  }
  if (members.size > 0) return Draft.stop(draft, "superseded")
  draft.state.raised = true
  Draft.setSelf(draft, { generation: atLeastGeneration, incarnation: 0 })
}

/** The same, where the life before this one left within the same millisecond. To one that is leaving it is no news. */
const evicted = (draft: Draft.Draft): void => {
  const { members, phase, self } = draft.state
  if (phase._tag !== "Running") return
  if (members.size > 0) return Draft.stop(draft, "evicted")
  draft.state.raised = true
  Draft.setSelf(draft, { generation: self.generation + 1, incarnation: 0 })
}

const tick = (draft: Draft.Draft): void => {
  const { now, state } = draft
  Leaving.settle(draft)
  if (state.phase._tag === "Stopped") return
  if (state.flushAt !== undefined && now >= state.flushAt) flush(draft)
  if (state.phase._tag === "Leaving") return
  Health.mend(draft)
  AntiEntropy.expire(draft)
  Probing.tick(draft)
  ProbeRequests.tick(draft)
  for (const [name, candidate] of state.candidates) {
    if (now >= candidate.expiresAt) Draft.setCandidate(draft, name, undefined)
  }
  for (const [name, member] of state.members) {
    if (member.suspicion !== undefined) RecordMerge.onSuspicionTimeout(draft, name)
    if (member.localStatus === "failed" && now >= member.failedAt + state.settings.reconnectWindow) {
      Draft.setMember(draft, name, undefined)
      Draft.addTombstone(draft, member.record)
    }
  }
  for (const [name, tombstone] of state.tombstones) if (now >= tombstone.expiresAt) Draft.removeTombstone(draft, name)
}

/** Without accusations of an edition before the newest of the same name. */
const newestOf = (records: Iterable<PeerRecord.PeerRecord>): ReadonlyArray<PeerRecord.PeerRecord> => {
  const all = [...records]
  const newest = new Map<string, PeerRecord.PeerRecord>()
  const isOlder = (a: PeerRecord.PeerRecord, b: PeerRecord.PeerRecord) =>
    a.generation < b.generation || (a.generation === b.generation && a.incarnation < b.incarnation)
  for (const record of all) {
    const known = newest.get(record.name)
    if (known === undefined || isOlder(known, record)) newest.set(record.name, record)
  }
  return all.filter((record) => record.status === "left" || !isOlder(record, newest.get(record.name) ?? record))
}

/** Sends the news that have gathered: this node's own to all, those of others to some. */
const flush = (draft: Draft.Draft): void => {
  const { state } = draft
  const linked = State.linked(state)
  if (state.news.size > 0) Draft.send(draft, linked, { _tag: "Update", records: [...state.news.values()] })
  const relays = newestOf(state.relays.values()).filter(({ name }) => !state.news.has(name))
  if (relays.length > 0) {
    const [seed, to] = Prng.sample(state.seed, linked, atLeastOne(state.settings.relayFanOut(state.size)))
    state.seed = seed
    Draft.send(draft, to, { _tag: "Update", records: relays })
  }
  state.news = new Map()
  state.relays = new Map()
  state.flushAt = undefined
}
