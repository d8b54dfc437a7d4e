/**
 * SWIM membership of one node, with Lifeguard's local health, as a pure state machine: `step(state, now, input)`
 * returns the next state and the outputs. It uses no clock, no network and no Effect service (docs/protocol.md, section
 * "Membership").
 *
 * Inputs are facts ({@link Input}): a link is up or down, a dial failed, a frame arrived, or time has passed. Outputs
 * are commands ({@link Draft.Output}): send a frame, close a link, or publish an event. {@link State.deadline} returns
 * the time of the next {@link Tick}. Timers are part of the state, so no timer has to be cancelled. Links replace the
 * periodic pings of SWIM: the loss of a link starts the indirect probes.
 *
 * | file                  | subject                                                              | rules               |
 * | --------------------- | -------------------------------------------------------------------- | ------------------- |
 * | `State.ts`            | the state, queries of other modules, deadlines                       |                     |
 * | `Member.ts`           | one member: standing and reach, and the transitions between them     |                     |
 * | `Draft.ts`            | the changes and outputs of one step                                  |                     |
 * | `candidates.ts`       | peers known from gossip alone                                        | R1, R2              |
 * | `linkEvents.ts`       | new and lost links, `disconnect`                                     | R2, R8, R9          |
 * | `failureDetection.ts` | from a lost link to a failed member, and back                        | R3 to R6, R10       |
 * | `probing.ts`          | probe rounds: members to ask, and their answers                      | R3                  |
 * | `probeRequests.ts`    | answers to the probe requests of others                              | R3                  |
 * | `suspicionTimer.ts`   | the duration of a suspicion                                          | R5                  |
 * | `refutation.ts`       | accusations of this node                                             | R7                  |
 * | `namesakes.ts`        | newer lives of this node's name                                      | R8                  |
 * | `leaving.ts`          | the leave of this node and of others                                 | R9                  |
 * | `newestRecords.ts`    | the records of one frame that are merged                             |                     |
 * | `recordMerge.ts`      | records that peers send                                              | R1, R4, R6, R8, R9  |
 * | `health.ts`           | local health                                                         | "Local health"      |
 * | `partition.ts`        | events about the loss of many peers                                  | "Partitions"        |
 * | `gossip.ts`           | broadcasts and gossip                                                | "Updates"           |
 * | `antiEntropy.ts`      | comparing views by hash and exchanging differences                   | "Anti-entropy"      |
 * | `answers.ts`          | answers to digests and to requests for records, in pieces            | "Anti-entropy"      |
 * | `plausibility.ts`     | bounds on generations and incarnations that others report            | "Records"           |
 * | `selfRecord.ts`       | the record of this node itself                                       |                     |
 * | `Settings.ts`         | all numbers, with their defaults                                     |                     |
 *
 * {@link tick} ends the reconnect window (R10) and removes expired tombstones and reported ends (R12). The seed dialer
 * implements R11.
 */
import type { PeerId } from "../Peer.ts"
import type { MembershipFrame, YouAreBelief } from "../protocol/Frame.ts"
import * as Answers from "./answers.ts"
import * as AntiEntropy from "./antiEntropy.ts"
import * as Candidates from "./candidates.ts"
import type { Output } from "./Draft.ts"
import * as Draft from "./Draft.ts"
import * as FailureDetection from "./failureDetection.ts"
import * as Gossip from "./gossip.ts"
import * as Health from "./health.ts"
import * as Leaving from "./leaving.ts"
import type { LinkDown, LinkUp } from "./linkEvents.ts"
import * as LinkEvents from "./linkEvents.ts"
import type { NameTaken } from "./namesakes.ts"
import * as Namesakes from "./namesakes.ts"
import { newestRecords } from "./newestRecords.ts"
import * as Partition from "./partition.ts"
import * as Plausibility from "./plausibility.ts"
import * as ProbeRequests from "./probeRequests.ts"
import * as Probing from "./probing.ts"
import * as RecordMerge from "./recordMerge.ts"
import * as Refutation from "./refutation.ts"
import type { State } from "./State.ts"

/** The receipt of a frame. */
export interface Received {
  readonly _tag: "Received"
  readonly from: PeerId
  readonly frame: MembershipFrame
  /**
   * With a ProbeRequest: milliseconds since this node last heard the peer in question on its link; `undefined` without
   * a link.
   */
  readonly heardAgo?: number | undefined
}

/** The passage of time. */
export interface Tick {
  readonly _tag: "Tick"
  /** `true` if this process stalled past the deadline. Frames that arrived meanwhile may still be unread. */
  readonly stalled?: boolean | undefined
  /** The wall clock, in milliseconds. */
  readonly wall?: number | undefined
}

/** A fact that a step handles. */
export type Input =
  | LinkUp
  | LinkDown
  | Received
  | Tick
  /** This node could dial no address of a peer; `refused` if every address refused the connection. */
  | { readonly _tag: "DialFailed"; readonly name: string; readonly refused: boolean }
  /** A peer sent something after the output `PingNow`. */
  | { readonly _tag: "PeerHeard"; readonly peer: PeerId }
  /** The link to a peer has written all control frames after the output `Answer`, and accepts the next answer. */
  | { readonly _tag: "AnswerWritten"; readonly peer: PeerId }
  /** A heartbeat has another view hash than this node. */
  | { readonly _tag: "HashDiffers"; readonly from: string; readonly viewHash: bigint }
  /** An incomplete handshake contained the belief of the peer about this node. */
  | { readonly _tag: "SelfAccused"; readonly youAre: YouAreBelief }
  | NameTaken
  /** A handshake with another process of this node's name completed. It creates no link. */
  | { readonly _tag: "NamesakeMet"; readonly generation: number; readonly instance: number }
  /** The application replaced the metadata of this node. */
  | { readonly _tag: "MetadataSet"; readonly metadata: Readonly<Record<string, string>> }
  /** The application disconnects a peer. */
  | { readonly _tag: "Disconnect"; readonly name: string }
  /** This node leaves the cluster. */
  | { readonly _tag: "Leave" }

/**
 * Returns the next state and the outputs. `now` is a monotonic clock in milliseconds. A stopped node does not change.
 */
export const step = (state: State, now: number, input: Input): readonly [State, ReadonlyArray<Output>] => {
  if (state.phase._tag === "Stopped") return [state, []]
  const draft = Draft.start(state, now)
  handle(draft, input)
  Partition.countLosses(draft)
  return Draft.finish(draft)
}

const handle = (draft: Draft.Draft, input: Input): void => {
  switch (input._tag) {
    case "LinkUp":
      return LinkEvents.onLinkUp(draft, input)
    case "LinkDown":
      return LinkEvents.onLinkDown(draft, input)
    case "Received":
      return receive(draft, input)
    case "Tick":
      if (input.wall !== undefined) Plausibility.readWall(draft, input.wall)
      if (input.stalled === true) extendDeadlines(draft)
      return tick(draft)
    case "DialFailed":
      if (input.name === draft.state.self.name) return Namesakes.onDialFailed(draft)
      return FailureDetection.onDialFailed(draft, input.name, input.refused)
    case "PeerHeard":
      return ProbeRequests.onPeerHeard(draft, input.peer)
    case "AnswerWritten":
      return Answers.onWritten(draft, input.peer)
    case "HashDiffers":
      return AntiEntropy.onViewHash(draft, input.from, input.viewHash)
    case "SelfAccused":
      return Refutation.refute(draft, input.youAre)
    case "NameTaken":
      return Namesakes.onNameTaken(draft, input)
    case "NamesakeMet":
      return Namesakes.onMet(draft, input)
    case "MetadataSet":
      return Refutation.setMetadata(draft, input.metadata)
    case "Disconnect":
      return LinkEvents.disconnect(draft, input.name)
    case "Leave":
      Refutation.publishMetadata(draft)
      return Leaving.leave(draft)
  }
}

const receive = (draft: Draft.Draft, { frame, from, heardAgo }: Received): void => {
  const { members, phase } = draft.state
  if (frame._tag === "Leave") return Leaving.onLeave(draft, from, frame.generation)
  if (frame._tag === "LeaveAck") return Leaving.stopAwaiting(draft, from.name)
  // Ignores frames of an older life and of a peer that is no longer a member.
  if (members.get(from.name)?.record.generation !== from.generation || phase._tag !== "Running") return
  switch (frame._tag) {
    case "Update":
      for (const record of newestRecords(frame.records)) RecordMerge.mergeRecord(draft, record, from.name)
      return
    case "YouAre":
      return Refutation.refute(draft, frame)
    case "ProbeRequest":
      return ProbeRequests.onProbeRequest(draft, from.name, frame, heardAgo)
    case "ProbeResult":
      return FailureDetection.onProbeResult(draft, from.name, frame)
    case "SyncDigest":
      return AntiEntropy.onDigest(draft, from.name, frame)
    case "SyncDelta":
      return AntiEntropy.onDelta(draft, from.name, frame)
  }
}

/** Extends every deadline that waits for a sign of life, after a stall of this process. */
const extendDeadlines = (draft: Draft.Draft): void => {
  Health.worsen(draft)
  FailureDetection.extendDeadlines(draft)
  Probing.extendDeadlines(draft)
  ProbeRequests.extendDeadlines(draft)
}

/** Handles everything that is due. */
const tick = (draft: Draft.Draft): void => {
  const { now, state } = draft
  Leaving.stopIfDone(draft)
  if (state.phase._tag === "Stopped") return
  if (Gossip.isFlushDue(draft)) {
    if (Refutation.mayRaise(draft)) Refutation.publishMetadata(draft)
    Gossip.flush(draft)
    if (draft.state.unpublished !== undefined) Gossip.scheduleFlush(draft, Refutation.nextIncarnationAt(draft))
  }
  if (state.phase._tag === "Leaving") return
  Health.improveIfDue(draft)
  AntiEntropy.expire(draft)
  FailureDetection.onRoundTick(draft)
  ProbeRequests.expire(draft)
  Candidates.expire(draft)
  Namesakes.expire(draft)
  for (const name of [...state.accused.keys()]) {
    const member = state.members.get(name)
    FailureDetection.onSuspicionTick(draft, name)
    if (member?.standing._tag !== "Failed") continue
    if (now < member.standing.failedAt + state.settings.reconnectWindow) continue
    Draft.setMember(draft, name, undefined)
    Draft.addTombstone(draft, member.record)
  }
  for (const [name, { expiresAt }] of state.tombstones) {
    if (now < expiresAt) break
    Draft.removeTombstone(draft, name)
  }
  for (const end of state.reportedEnds.values()) {
    if (now < end.expiresAt) break
    Draft.removeReportedEnd(draft, end)
  }
}
