/** Beliefs of one node about the cluster, as an immutable value, and the queries of other modules. */
import type { Address } from "../Address.ts"
import type { View } from "../ClusterEvent.ts"
import { makeView } from "../ClusterEvent.ts"
import { SharedNames } from "../internal/SharedNames.ts"
import type { Peer, PeerId } from "../Peer.ts"
import type { YouAreBelief } from "../protocol/Frame.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Member from "./Member.ts"
import type { Settings } from "./Settings.ts"
import * as SuspicionTimer from "./suspicionTimer.ts"

/** A peer known from gossip alone (R1), or a newer life of a member that this node has not met (R8). */
export interface Candidate {
  readonly record: PeerRecord.PeerRecord
  readonly expiresAt: number
  /** Name of the peer that first announced this life. */
  readonly announcer: string
}

/** A probe round that waits for answers (R3). */
export interface ProbingRound {
  readonly _tag: "Probing"
  /** Id of the probe requests. */
  readonly id: number
  /** Generation in question. */
  readonly generation: number
  readonly startedAt: number
  /** Time at which the round stops waiting for answers. */
  readonly until: number
  /** Names of all members that received a probe request since `startedAt`. */
  readonly probed: ReadonlySet<string>
  /** Names of the probed members that have not answered. */
  readonly awaiting: ReadonlySet<string>
  /** Number of `down` and `refused` answers. */
  readonly negatives: number
  /** Pause before the next round, if another member reaches the peer. */
  readonly backoff: number
  /** Time before which this node does not suspect the peer for its silence. */
  readonly graceUntil: number
}

/** A pause between two probe rounds. */
export interface WaitingRound {
  readonly _tag: "Waiting"
  /** Time of the next round, unless the suspicion ends before. */
  readonly until: number
  readonly backoff: number
  readonly graceUntil: number | undefined
}

/** Progress of the indirect probes about a peer that this node does not reach (R3). */
export type ProbeRound = ProbingRound | WaitingRound

/** A probe request of another peer that this node has not yet answered (R3). */
export interface PendingProbe {
  /** Name of the asking peer. */
  readonly from: string
  readonly id: number
  /** Name of the peer in question. */
  readonly name: string
  readonly generation: number
  readonly until: number
}

/** An answer to the requests of a peer. One frame of the answer is in flight; see `answers.ts`. */
export interface Answer {
  /** Names of the records that this node still has to send. */
  readonly records: ReadonlySet<string>
  /** Names of the records that this node still has to request. */
  readonly want: ReadonlyArray<string>
  /** The newest unanswered digest of the peer. */
  readonly digest: ReadonlyArray<Key> | undefined
  /** Time at which this node sent the frame in flight. */
  readonly since: number
}

/** Memory of a member that left or failed for good (R12). */
export interface Tombstone extends Key {
  readonly expiresAt: number
  /** Time at which the peer itself reported that this life leaves; `undefined` if other peers reported it. */
  readonly leftAt: number | undefined
}

/**
 * Memory of a life that others reported as left and that never was a member of this node (R12). No peer refutes such a
 * report if the life does not exist, so this node remembers it for as long as a candidate.
 */
export interface ReportedEnd extends Key {
  readonly expiresAt: number
}

/**
 * A newer life of this node's name that another peer claims to exist. This node dials the life, because only a
 * handshake with it proves the claim (R8).
 */
export interface Claim {
  readonly generation: number
  readonly addresses: ReadonlyArray<Address>
  readonly expiresAt: number
  /** `true` after a failed dial of its addresses. Another claim of the same announcer may then replace this claim. */
  readonly hasFailed: boolean
}

/** An empty body. The record of a peer that left has it (docs/protocol.md, chapter 12). */
export const emptyBody: PeerRecord.Body = { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] }

/** Returns the record of a tombstone, with an empty body. */
export const recordOf = ({ generation, incarnation, name, status }: Tombstone): PeerRecord.PeerRecord => ({
  name,
  generation,
  incarnation,
  status,
  body: emptyBody,
})

/** Participation of this node in the cluster. */
export type Phase =
  | { readonly _tag: "Running" }
  /** Leaving waits for the acknowledgements of the peers in `awaiting` (R9). */
  | { readonly _tag: "Leaving"; readonly awaiting: ReadonlySet<string>; readonly until: number }
  | { readonly _tag: "Stopped"; readonly reason: StopReason }

/** Refusal of this node's life by a member. */
export interface Refusal {
  /** Name of the member. */
  readonly by: string
  readonly at: number
}

/** Reason for which this node stopped: it left, or a newer life of its name exists. */
export type StopReason = "left" | "superseded"

export interface State {
  readonly settings: Settings
  /** This node's own record. */
  readonly self: PeerRecord.PeerRecord
  readonly selfHash: bigint
  /** Metadata that the application set and that this node publishes in its record at the next flush. */
  readonly unpublished: PeerRecord.Body["metadata"] | undefined
  /** Time of the last change of this node's incarnation. */
  readonly raisedAt: number
  /** Number of this process. Of two processes of one life, the process with the greater instance stays. */
  readonly instance: number
  /** First refusal of this life by a member since the last link, if this node has no link; see `namesakes.ts`. */
  readonly refusal: Refusal | undefined
  /** Time at which another process last took a link of this process at a peer, if it did; see `namesakes.ts`. */
  readonly displacedAt: number | undefined
  readonly phase: Phase
  /** Claims by the name of the peer that made them. This node dials the first claim. */
  readonly claims: ReadonlyMap<string, Claim>
  readonly members: ReadonlyMap<string, Member.Member>
  /** Names of the members with a live link. */
  readonly linked: SharedNames
  /** Names of the members whose standing is not `Alive`. */
  readonly accused: ReadonlyMap<string, true>
  readonly candidates: ReadonlyMap<string, Candidate>
  /** Number of candidates by announcer. */
  readonly announced: ReadonlyMap<string, number>
  /** Time before which no candidate expires. */
  readonly nextExpiry: number
  /** Names of the members and candidates that the step to this state stored or removed. */
  readonly touched: ReadonlySet<string>
  /**
   * Probe rounds by the name of the peer, about members that need a probe and about candidates that this node could not
   * dial.
   */
  readonly rounds: ReadonlyMap<string, ProbeRound>
  /** Names of the peers whose rounds wait for an answer, by the name of the member that has to answer. */
  readonly awaited: ReadonlyMap<string, ReadonlyMap<string, true>>
  /** Id of the last probe request. */
  readonly lastProbe: number
  readonly pendingProbes: ReadonlyArray<PendingProbe>
  /** Tombstones in the order in which they expire. */
  readonly tombstones: ReadonlyMap<string, Tombstone>
  /** Reported ends in the order in which they expire, one per name: the end of the greatest life. */
  readonly reportedEnds: ReadonlyMap<string, ReportedEnd>
  readonly view: View
  /** XOR of the hashes of all alive and suspect members and of this node. */
  readonly viewHash: bigint
  /** Number of alive and suspect members, this node included. */
  readonly size: number
  /** Local health score, from 0 (healthy) to 7; see `health.ts`. */
  readonly health: number
  /** Time at which the score improves by one. */
  readonly improvesAt: number
  /** Members that failed lately, with the time of the failure; see `partition.ts`. */
  readonly lost: ReadonlyMap<string, number>
  /** Names that returned since a partition is suspected; `undefined` while no partition is suspected. */
  readonly partition: { readonly returned: ReadonlySet<string> } | undefined
  /** Records to send to all links at `flushAt`, by name. */
  readonly broadcasts: ReadonlyMap<string, PeerRecord.PeerRecord>
  /** Records to send to some links at `flushAt`, by name, and accusations by name and accuser. */
  readonly gossip: ReadonlyMap<string, PeerRecord.PeerRecord>
  readonly flushAt: number | undefined
  /** The unanswered anti-entropy exchange that this node started. */
  readonly sync: { readonly peer: string; readonly startedAt: number } | undefined
  readonly lastSyncAt: number
  /** Incomplete digests, by sender. */
  readonly digests: ReadonlyMap<string, ReadonlyArray<Key>>
  /** Answers in flight, by the name of the peer. */
  readonly answers: ReadonlyMap<string, Answer>
  /** Wall clock minus `now`, for the bounds on generations and incarnations. */
  readonly wallOffset: number
  /** State of the random number generator. */
  readonly seed: number
}

/** Returns the state of a node that has not met any peer. */
export const make = (options: {
  readonly settings: Settings
  readonly self: PeerRecord.PeerRecord
  /** The monotonic clock, in milliseconds. */
  readonly now: number
  /** The wall clock, in milliseconds. */
  readonly wall: number
  /** Seed of the random draws; any 32-bit number. */
  readonly seed: number
  /** Number of this process. Defaults to 0. */
  readonly instance?: number
}): State => {
  const selfHash = PeerRecord.memberHash(options.self)
  return {
    settings: options.settings,
    self: options.self,
    selfHash,
    unpublished: undefined,
    raisedAt: Number.NEGATIVE_INFINITY,
    instance: options.instance ?? 0,
    refusal: undefined,
    displacedAt: undefined,
    phase: { _tag: "Running" },
    claims: new Map(),
    members: new Map(),
    linked: SharedNames.of(),
    accused: new Map(),
    candidates: new Map(),
    announced: new Map(),
    nextExpiry: Number.POSITIVE_INFINITY,
    touched: new Set(),
    rounds: new Map(),
    awaited: new Map(),
    // A random start keeps an answer to a probe request of an earlier life from matching a request of this life.
    lastProbe: options.seed >>> 0,
    pendingProbes: [],
    tombstones: new Map(),
    reportedEnds: new Map(),
    view: makeView({ self: toPeer(options.self) }),
    viewHash: selfHash,
    size: 1,
    health: 0,
    improvesAt: 0,
    lost: new Map(),
    partition: undefined,
    broadcasts: new Map(),
    gossip: new Map(),
    flushAt: undefined,
    sync: undefined,
    lastSyncAt: Number.NEGATIVE_INFINITY,
    digests: new Map(),
    answers: new Map(),
    wallOffset: options.wall - options.now,
    seed: options.seed,
  }
}

// ---- queries ----

/** Returns the body of this node as its application last wrote it. Other peers may not have received it yet. */
export const selfBody = ({ self: { body }, unpublished }: State): PeerRecord.Body =>
  unpublished === undefined ? body : { ...body, metadata: unpublished }

/** Returns this node's record as its application sees it. */
const toPeer = (self: PeerRecord.PeerRecord): Peer => ({ ...Member.describe(self), status: "alive", link: "up" })

/** Returns this node as its application sees it. */
export const selfPeer = (state: State): Peer => toPeer({ ...state.self, body: selfBody(state) })

/** Returns whether this node has a live link to a member of this name. */
export const hasLink = ({ linked }: State, name: string): boolean => linked.has(name)

/** Returns the generation of the member of this name that has not failed, or 0 without such a member. */
export const livingGeneration = ({ members }: State, name: string): number => {
  const member = members.get(name)
  return member !== undefined && Member.isActive(member) ? member.record.generation : 0
}

/**
 * Returns the newest generation of this name that is or was a member of this node, or 0. Gossip alone does not count.
 */
export const newestMet = ({ members, tombstones }: State, name: string): number =>
  Math.max(members.get(name)?.record.generation ?? 0, tombstones.get(name)?.generation ?? 0)

/**
 * Returns the view hash for Hello and HelloAck. The hash of this node's record alone tells that this node has met no
 * peer, so a node whose peers have all failed shows 0.
 */
export const introductionHash = ({ members, selfHash, viewHash }: State): bigint =>
  members.size > 0 && viewHash === selfHash ? 0n : viewHash

/** Returns the tombstone of a life that has left. */
export const tombstoneOfLeft = ({ tombstones }: State, { generation, name }: PeerId): Tombstone | undefined => {
  const tombstone = tombstones.get(name)
  return tombstone?.status === "left" && tombstone.generation === generation ? tombstone : undefined
}

/** Returns the reported end of a life. */
export const reportedEndOf = ({ reportedEnds }: State, { generation, name }: PeerId): ReportedEnd | undefined => {
  const end = reportedEnds.get(name)
  return end?.generation === generation ? end : undefined
}

/** Returns this node's belief about a life of a name, for HelloAck, Ready and YouAre. */
export const belief = (state: State, name: string, generation: number): YouAreBelief | undefined => {
  const { candidates, members, reportedEnds, tombstones } = state
  const records: ReadonlyArray<Key | undefined> = [
    members.get(name)?.record,
    // A candidate is greater than a tombstone or a reported end of its life.
    candidates.get(name)?.record,
    reportedEnds.get(name),
    tombstones.get(name),
  ]
  const record = records.find((each) => each?.generation === generation)
  return record && { generation, incarnation: record.incarnation, status: record.status }
}

/** A peer that should be dialed. */
export type DialTarget = KnownTarget | CandidateTarget

interface TargetBase {
  readonly name: string
  /** Expected generation of the peer that answers the dial. */
  readonly generation: number
  /** Addresses to dial, in this order. */
  readonly addresses: ReadonlyArray<Address>
}

/** A member to dial. A `lost` member had a link before. A `failed` member is dialed rarely (R10). */
export interface KnownTarget extends TargetBase {
  readonly kind: "lost" | "failed"
}

/** A peer to dial that this node knows from gossip alone. */
export interface CandidateTarget extends TargetBase {
  readonly kind: "candidate"
  /** Name of the peer that first announced the candidate. */
  readonly announcer: string
}

/** Returns whether this node has disconnected this life of a peer, and no side joined the other since. */
export const isDisconnected = ({ members }: State, { generation, name }: PeerId): boolean => {
  const member = members.get(name)
  return member?.disconnected === true && member.record.generation === generation
}

/**
 * Returns the peer of this name if it has no link and should have one. For this node's own name, returns a claimed
 * newer life.
 */
export const dialTarget = (state: State, name: string): DialTarget | undefined => {
  const { candidates, members, phase, self } = state
  if (phase._tag !== "Running") return undefined
  if (name === self.name) return claimTarget(state)
  const member = members.get(name)
  if (member?.disconnected === true) return undefined
  const candidate = candidates.get(name)
  if (candidate !== undefined) {
    // A newer life of a member has its own addresses. The address of the last successful dial belongs to the older
    // life.
    const { body, generation } = candidate.record
    return { name, generation, addresses: body.addresses, kind: "candidate", announcer: candidate.announcer }
  }
  if (member === undefined || Member.isLinked(member)) return undefined
  const { body, generation } = member.record
  const own = body.addresses
  const addresses =
    member.address === undefined ? own : [member.address, ...own.filter((each) => each !== member.address)]
  return { name, generation, addresses, kind: member.standing._tag === "Failed" ? "failed" : "lost" }
}

/**
 * Returns the claim to dial. All claims share one announcer for the dial permits, because claims are dialed one at a
 * time.
 */
const claimTarget = ({ claims, self: { name } }: State): CandidateTarget | undefined => {
  for (const { addresses, generation } of claims.values()) {
    return { name, generation, addresses, kind: "candidate", announcer: name }
  }
  return undefined
}

/** Returns the silence after which a link ends, in milliseconds. It grows while this node distrusts its own timing. */
export const effectiveLinkTimeout = ({ health, settings }: State): number => settings.linkTimeout * (1 + health)

// ---- deadlines ----

/** Returns the time at which the accusation of a member is published (R6) or the suspicion ends (R5). */
export const suspicionDeadline = (state: State, { standing }: Member.Member): number | undefined => {
  if (standing._tag === "Withheld") return standing.publishAt
  if (standing._tag === "Alive" || standing.suspicion === undefined) return undefined
  return standing.suspicion.since + SuspicionTimer.timeout(state, standing.suspicion.accusers)
}

/**
 * Returns the time at which a probe round is due. A node that accuses the peer itself asks again at the end of the
 * suspicion. A node that does not accuse the peer keeps asking at its own pace, so that it joins the suspicion if
 * nobody reaches the peer.
 */
export const roundDeadline = (state: State, name: string, round: ProbeRound): number => {
  const member = state.members.get(name)
  const suspicion = member === undefined ? undefined : Member.suspicionOf(member)
  if (round._tag === "Probing" || member === undefined || suspicion === undefined) return round.until
  const due = suspicionDeadline(state, member) ?? Number.POSITIVE_INFINITY
  return suspicion.accusers.has(state.self.name) ? due : Math.min(round.until, due)
}

/** Returns the time at which `step` needs the next Tick, or `undefined` if nothing is due. */
export const deadline = (state: State): number | undefined => {
  let at = Number.POSITIVE_INFINITY
  if (state.phase._tag === "Stopped") return undefined
  if (state.flushAt !== undefined) at = Math.min(at, state.flushAt)
  if (state.phase._tag === "Leaving") return Math.min(at, state.phase.until)
  if (state.sync !== undefined) at = Math.min(at, state.sync.startedAt + state.settings.syncTimeout)
  for (const name of state.accused.keys()) {
    const member = state.members.get(name)
    if (member === undefined) continue
    // For a member with a probe round, the end of the round decides about the suspicion.
    if (!state.rounds.has(name)) at = Math.min(at, suspicionDeadline(state, member) ?? at)
    const { standing } = member
    if (standing._tag === "Failed") at = Math.min(at, standing.failedAt + state.settings.reconnectWindow)
  }
  for (const claim of state.claims.values()) at = Math.min(at, claim.expiresAt)
  at = Math.min(at, state.nextExpiry)
  for (const [name, round] of state.rounds) at = Math.min(at, roundDeadline(state, name, round))
  for (const probe of state.pendingProbes) at = Math.min(at, probe.until)
  if (state.health > 0) at = Math.min(at, state.improvesAt)
  for (const ends of [state.tombstones, state.reportedEnds]) {
    for (const oldest of ends.values()) {
      at = Math.min(at, oldest.expiresAt)
      break
    }
  }
  return at === Number.POSITIVE_INFINITY ? undefined : at
}
