/**
 * What one node believes about the cluster, as an immutable value, and what follows from it.
 */
import type { Address } from "../Address.ts"
import type { View } from "../ClusterEvent.ts"
import { emptyView } from "../ClusterEvent.ts"
import type { YouAreBelief } from "../protocol/Frame.ts"
import type { Peer } from "../Peer.ts"
import type { PeerId } from "../Peer.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import type { Settings } from "./Settings.ts"
import * as SuspicionTimer from "./suspicionTimer.ts"

/** A doubt about a member, and who shares it. */
export interface Suspicion {
  readonly since: number
  /** The names of those who share it, and whether they saw a connection refused. */
  readonly accusers: ReadonlyMap<string, boolean>
  /** While set, the link is live and the application has not been told; at this time it is. */
  readonly heldUntil: number | undefined
}

/** Everything known about one member other than this node. */
export interface Member {
  /** The greatest record heard. What the cluster says. */
  readonly record: PeerRecord.PeerRecord
  readonly hash: bigint
  /** What this node says, by its own timers. */
  readonly localStatus: "alive" | "suspect" | "failed"
  /** `indirect`: there is none, but others have one. */
  readonly link: Peer["link"]
  /** Who said last that it reaches the peer. */
  readonly through: string | undefined
  /** What came of dialling since the link was lost. */
  readonly dial: "pending" | "failed" | "refused"
  /** Parted from by `disconnect`: neither shown nor dialled. */
  readonly disconnected: boolean
  /** The address that last worked. */
  readonly address: Address | undefined
  readonly suspicion: Suspicion | undefined
  /** When it was shown failed. */
  readonly failedAt: number
  /** The two view hashes of the last heartbeat that differed. */
  readonly mismatch: HashPair | undefined
  /** The two view hashes of the last exchange, and when that was. */
  readonly synced: (HashPair & { readonly at: number }) | undefined
}

interface HashPair {
  readonly mine: bigint
  readonly theirs: bigint
}

/** A peer known by hearsay only (R1), or a newer life of a member not met yet (R8). */
export interface Candidate {
  readonly record: PeerRecord.PeerRecord
  readonly expiresAt: number
}

/** How far this node is with asking others about a peer that it cannot reach itself (R3). */
export type ProbeRound =
  | {
      readonly _tag: "Probing"
      /** Of the questions that answers are awaited to. */
      readonly id: number
      /** Of the life that is asked about. */
      readonly generation: number
      readonly startedAt: number
      readonly until: number
      /** Everybody who was asked, and those of them who did not answer yet. */
      readonly asked: ReadonlySet<string>
      readonly waiting: ReadonlySet<string>
      /** How many said that they cannot reach it either. */
      readonly doubts: number
      readonly pause: number
      /** Until when its silence is no reason to suspect it. */
      readonly graceUntil: number
    }
  /** Asks again at `until`, or when the time of the suspicion is over. */
  | {
      readonly _tag: "Waiting"
      readonly until: number
      readonly pause: number
      readonly graceUntil: number | undefined
    }

/** A question of another peer that this node is finding the answer to (R3). */
export interface PendingProbe {
  readonly from: string
  readonly id: number
  /** About whom. */
  readonly name: string
  readonly generation: number
  readonly until: number
}

/** What is remembered of a peer that left or failed for good (R12). */
export interface Tombstone extends Key {
  readonly expiresAt: number
}

/** Whether this node takes part. */
export type Phase =
  | { readonly _tag: "Running" }
  | { readonly _tag: "Leaving"; readonly awaiting: ReadonlySet<string>; readonly until: number }
  | { readonly _tag: "Stopped"; readonly reason: StopReason }

/** Why it takes part no more. */
export type StopReason = "left" | "superseded" | "evicted"

export interface State {
  readonly settings: Settings
  /** This node's own record. */
  readonly self: PeerRecord.PeerRecord
  readonly selfHash: bigint
  readonly phase: Phase
  /** Whether this node took a higher generation than it started with. */
  readonly raised: boolean
  readonly members: ReadonlyMap<string, Member>
  readonly candidates: ReadonlyMap<string, Candidate>
  /** About members without a link that are not called failed, and about candidates that could not be dialled. */
  readonly rounds: ReadonlyMap<string, ProbeRound>
  readonly lastProbe: number
  readonly pendingProbes: ReadonlyArray<PendingProbe>
  readonly tombstones: ReadonlyMap<string, Tombstone>
  readonly view: View
  /** XOR of the member hashes of all alive and suspected, this node included, and how many these are. */
  readonly viewHash: bigint
  readonly size: number
  /** How far this node distrusts itself, from 0 to 7, and when it may trust itself more again. */
  readonly health: number
  readonly mendsAt: number
  /** Whether it has no link left and nobody else is to blame. */
  readonly isolated: boolean
  /** Whom this node called failed and when, as long as that may be one event; see `partition.ts`. */
  readonly lost: ReadonlyMap<string, number>
  /** Set while a partition is suspected: the names that came back since. */
  readonly partition: { readonly returned: ReadonlySet<string> } | undefined
  /** News of this node's own, for everybody, and news from others, to be relayed; sent at `flushAt`. */
  readonly news: ReadonlyMap<string, PeerRecord.PeerRecord>
  readonly relays: ReadonlyMap<string, PeerRecord.PeerRecord>
  readonly flushAt: number | undefined
  /** The digest exchange that this node started and that is not finished. */
  readonly sync: { readonly peer: string; readonly startedAt: number } | undefined
  readonly lastSyncAt: number
  /** Digests that arrive in chunks, by sender, until the last chunk. */
  readonly digests: ReadonlyMap<string, ReadonlyArray<Key>>
  /** Wall clock minus `now`, for the bound on generations. */
  readonly wallOffset: number
  readonly seed: number
}

/** The state of a node that has met nobody. */
export const make = (options: {
  readonly settings: Settings
  readonly self: PeerRecord.PeerRecord
  readonly now: number
  /** The wall clock, in milliseconds. */
  readonly wall: number
  /** Of the random draws; any 32-bit number. */
  readonly seed: number
}): State => {
  const selfHash = PeerRecord.memberHash(options.self)
  return {
    settings: options.settings,
    self: options.self,
    selfHash,
    phase: { _tag: "Running" },
    raised: false,
    members: new Map(),
    candidates: new Map(),
    rounds: new Map(),
    // An answer to a question of an earlier life must not pass for one to this life's.
    lastProbe: options.seed >>> 0,
    pendingProbes: [],
    tombstones: new Map(),
    view: emptyView,
    viewHash: selfHash,
    size: 1,
    health: 0,
    mendsAt: 0,
    isolated: false,
    lost: new Map(),
    partition: undefined,
    news: new Map(),
    relays: new Map(),
    flushAt: undefined,
    sync: undefined,
    lastSyncAt: Number.NEGATIVE_INFINITY,
    digests: new Map(),
    wallOffset: options.wall - options.now,
    seed: options.seed,
  }
}

/** Whether a record counts in the view hash and in the size of the cluster. */
export const countsInSize = (record: Pick<PeerRecord.PeerRecord, "status">): boolean =>
  record.status === "alive" || record.status === "suspect"

/** The member as the application sees it. */
export const toPeer = (member: Member): Peer => ({
  name: member.record.name,
  generation: member.record.generation,
  status: member.record.status === "left" ? "left" : member.localStatus,
  link: member.link,
  addresses: member.record.body.addresses,
  metadata: member.record.body.metadata,
})

/** Whether the member is in the view. */
export const isInView = (member: Member): boolean => !member.disconnected && member.localStatus !== "failed"

/** The newest life of a name that this node met or buried; 0 if there is none. */
export const newestLife = ({ members, tombstones }: State, name: string): number =>
  Math.max(members.get(name)?.record.generation ?? 0, tombstones.get(name)?.generation ?? 0)

/** What is remembered of a life that has left. */
export const tombstoneOfLeft = ({ tombstones }: State, { generation, name }: PeerId): Tombstone | undefined => {
  const tombstone = tombstones.get(name)
  return tombstone?.status === "left" && tombstone.generation === generation ? tombstone : undefined
}

/** Whether others are asked about the member: it is taken for alive, and there is no link to it. */
export const needsProbe = (member: Member): boolean => member.link !== "up" && isInView(member)

/** Names of the members with a live link. */
export const linked = (state: State): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (const [name, member] of state.members) if (member.link === "up") names.push(name)
  return names
}

/** What this node believes about a name, for HelloAck, Ready and YouAre. */
export const belief = (state: State, name: string, generation: number): YouAreBelief | undefined => {
  const record: Key | undefined =
    state.members.get(name)?.record ?? state.candidates.get(name)?.record ?? state.tombstones.get(name)
  return record?.generation === generation
    ? { generation, incarnation: record.incarnation, status: record.status }
    : undefined
}

/** A peer that should be dialled, and why. */
export interface DialTarget {
  readonly name: string
  /** The life that is looked for. */
  readonly generation: number
  readonly addresses: ReadonlyArray<Address>
  /** `lost` had a link before, `candidate` is hearsay, `failed` is tried rarely (R10). */
  readonly kind: "lost" | "candidate" | "failed"
}

/** Everybody that should have a link and has none. */
export const dialTargets = (state: State): ReadonlyMap<string, DialTarget> => {
  const result = new Map<string, DialTarget>()
  if (state.phase._tag !== "Running") return result
  for (const [name, member] of state.members) {
    if (member.link === "up" || member.disconnected) continue
    const own = member.record.body.addresses
    const addresses =
      member.address === undefined ? own : [member.address, ...own.filter((each) => each !== member.address)]
    const { generation } = member.record
    result.set(name, { name, generation, addresses, kind: member.localStatus === "failed" ? "failed" : "lost" })
  }
  for (const [name, candidate] of state.candidates) {
    const member = state.members.get(name)
    if (member?.disconnected === true) continue
    // A newer life of a member is elsewhere than the old one was.
    const { body, generation } = candidate.record
    result.set(name, { name, generation, addresses: body.addresses, kind: "candidate" })
  }
  return result
}

/** How long silence is borne, in milliseconds: longer while this node distrusts itself. */
export const effectiveLinkTimeout = ({ health, settings }: State): number => settings.linkTimeout * (1 + health)

/** When the doubt about a member is to be looked at again. */
export const suspicionDeadline = (state: State, suspicion: Suspicion): number =>
  suspicion.heldUntil ?? suspicion.since + SuspicionTimer.timeout(state, suspicion.accusers)

/**
 * When a round is to be looked at again. Whose doubt this node shares it asks about when the time of the suspicion is over;
 * before it shares that of others it goes on asking.
 */
export const roundDeadline = (state: State, name: string, round: ProbeRound): number => {
  const suspicion = state.members.get(name)?.suspicion
  if (round._tag === "Probing" || suspicion === undefined) return round.until
  const due = suspicionDeadline(state, suspicion)
  return suspicion.accusers.has(state.self.name) ? due : Math.min(round.until, due)
}

/** When `step` wants to see a Tick, or `undefined` if nothing is due. */
export const deadline = (state: State): number | undefined => {
  let at = Number.POSITIVE_INFINITY
  if (state.phase._tag === "Stopped") return undefined
  if (state.flushAt !== undefined) at = Math.min(at, state.flushAt)
  if (state.phase._tag === "Leaving") return Math.min(at, state.phase.until)
  if (state.sync !== undefined) at = Math.min(at, state.sync.startedAt + state.settings.syncTimeout)
  for (const member of state.members.values()) {
    // While the others are asked, their answers are waited for.
    if (member.suspicion !== undefined && !state.rounds.has(member.record.name)) {
      at = Math.min(at, suspicionDeadline(state, member.suspicion))
    }
    if (member.localStatus === "failed") at = Math.min(at, member.failedAt + state.settings.reconnectWindow)
  }
  for (const candidate of state.candidates.values()) at = Math.min(at, candidate.expiresAt)
  for (const [name, round] of state.rounds) at = Math.min(at, roundDeadline(state, name, round))
  for (const errand of state.pendingProbes) at = Math.min(at, errand.until)
  if (state.health > 0) at = Math.min(at, state.mendsAt)
  for (const tombstone of state.tombstones.values()) at = Math.min(at, tombstone.expiresAt)
  return at === Number.POSITIVE_INFINITY ? undefined : at
}
