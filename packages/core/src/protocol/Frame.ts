/**
 * What peers say to each other, as typed values. The floors above speak in these; only `wire` knows
 * their bytes (docs/protocol.md, section "Frames").
 */
import type { Address } from "../Address.ts"
import type { Key, PeerRecord, Status } from "./PeerRecord.ts"

/** What the sender believes about the receiver, so that the receiver can refute it at once. */
export interface YouAreBelief {
  readonly generation: number
  readonly incarnation: number
  readonly status: Status
}

/** The dialer, first: who I am, and which cluster I want. */
export interface Hello {
  readonly _tag: "Hello"
  readonly versionMin: number
  readonly versionMax: number
  /** The cluster's name. */
  readonly label: string
  /** The dialer's own record, alive. */
  readonly record: PeerRecord
  /** The dialer's counter of its connections, which ranks simultaneous ones. */
  readonly linkEpoch: number
  readonly dialedAddress: Address
  /** Set if the dialer was told to join, which ends a parting; not set if it dials by itself. */
  readonly join?: boolean | undefined
  readonly viewHash: bigint
  /** Bytes that the acceptor may send on the inbox lane before the first Credit. */
  readonly window: number
}

/** The acceptor's answer: who answers, and what it believes about the dialer. */
export interface HelloAck {
  readonly _tag: "HelloAck"
  readonly version: number
  readonly record: PeerRecord
  readonly viewHash: bigint
  readonly window: number
  /** The dialer's host as the acceptor sees it. */
  readonly observedHost: string
  readonly youAre?: YouAreBelief | undefined
}

/**
 * Why a Hello was refused.
 *
 * - `label`: another cluster. `version`: no common version. `denied`: the admission policy said no.
 * - `busy`: a cap is reached; try later. `self`: the dialer reached itself.
 * - `duplicate`: the acceptor lives under the dialer's name.
 * - `stale`: a newer life of the dialer's name is known; `atLeastGeneration` would be accepted.
 * - `evicted`: the dialer's generation has left.
 * - `parted`: the acceptor has parted from the dialer, which was not told to join again.
 */
export type RejectCode = "label" | "version" | "busy" | "self" | "evicted" | "denied" | "duplicate" | "stale" | "parted"

/** All reject codes, in the order of their numbers in docs. */
export const rejectCodes: ReadonlyArray<RejectCode> = [
  "label",
  "version",
  "busy",
  "self",
  "evicted",
  "denied",
  "duplicate",
  "stale",
  "parted",
]

/** The acceptor's refusal; the connection ends. */
export interface HelloReject {
  readonly _tag: "HelloReject"
  readonly code: RejectCode
  readonly message: string
  readonly atLeastGeneration?: number | undefined
  /** Milliseconds to wait before another try, with `busy`. */
  readonly retryAfter?: number | undefined
}

/** The third leg. The link is up for a side that has sent and received it. */
export interface Ready {
  readonly _tag: "Ready"
  /** The sender's incarnation now; raised if the handshake brought an accusation. */
  readonly incarnation: number
  readonly viewHash: bigint
  readonly youAre?: YouAreBelief | undefined
}

/** A heartbeat; any frame counts as one. */
export interface Ping {
  readonly _tag: "Ping"
  readonly seq: number
  readonly viewHash: bigint
  /** How late the sender's timers run, in milliseconds, at most 65535. */
  readonly lag: number
}

/** The answer to a Ping, with its number. */
export interface Pong {
  readonly _tag: "Pong"
  readonly seq: number
  readonly viewHash: bigint
  readonly lag: number
}

/** News about members. */
export interface Update {
  readonly _tag: "Update"
  readonly records: ReadonlyArray<PeerRecord>
}

/** Tells an accused peer what is said about it. */
export interface YouAre extends YouAreBelief {
  readonly _tag: "YouAre"
}

/** Can you reach this life of this peer? */
export interface ProbeRequest {
  readonly _tag: "ProbeRequest"
  /** Of the question; the answer carries it. */
  readonly id: number
  readonly target: string
  readonly generation: number
  /** Milliseconds within which an answer is of use. */
  readonly deadline: number
}

/**
 * What an asked peer sees of another.
 *
 * - `up`: it has just heard of it, on a link of its own. `down`: it has no link, or one that gives no answer.
 * - `refused`: its connection was refused, so the process is not there.
 * - `unknown`: it never met this life, or has too much else to find out.
 */
export type Verdict = "up" | "down" | "refused" | "unknown"

/** All verdicts. */
export const verdicts: ReadonlyArray<Verdict> = ["up", "down", "refused", "unknown"]

/** The answer to a ProbeRequest, with its number. */
export interface ProbeResult {
  readonly _tag: "ProbeResult"
  readonly id: number
  readonly verdict: Verdict
}

/** What I believe, without the bodies: the first half of anti-entropy. */
export interface SyncDigest {
  readonly _tag: "SyncDigest"
  readonly entries: ReadonlyArray<Key>
  /** Whether this is the last chunk of the digest. */
  readonly last: boolean
}

/** What you lack, and the names of which I lack the record: the second half. */
export interface SyncDelta {
  readonly _tag: "SyncDelta"
  readonly records: ReadonlyArray<PeerRecord>
  readonly want: ReadonlyArray<string>
}

/** I go. */
export interface Leave {
  readonly _tag: "Leave"
  readonly generation: number
}

/** I know that you go. */
export interface LeaveAck {
  readonly _tag: "LeaveAck"
  readonly generation: number
}

/** One message, or a fragment of one. Its cost in credit is `payload.length + dataOverhead`. */
export interface Data {
  readonly _tag: "Data"
  readonly lane: number
  readonly first: boolean
  readonly last: boolean
  /** The rest of this message will not come; neither is `payload` part of one. */
  readonly abort: boolean
  /** Bytes of the whole message: in the first fragment of several, and there only. */
  readonly total?: number | undefined
  /** In the first fragment only: the sender wants to know when the reader took the message. Counts from 1 on each lane. */
  readonly confirm?: number | undefined
  /** In the first fragment only: the span that sent the message, {@link traceBytes} long. */
  readonly trace?: Uint8Array | undefined
  readonly payload: Uint8Array
}

/** The reader took this much: so much more may be sent on the lane. */
export interface Credit {
  readonly _tag: "Credit"
  readonly lane: number
  readonly bytes: number
}

/** A lane as its receiver opens it. */
export interface OpenedLane {
  /** Its number on this link, in this direction: not 0, which is the inbox. */
  readonly lane: number
  /** What it is for: the name of a topic. */
  readonly name: string
  /** Bytes that may be sent on it before the first Credit. */
  readonly window: number
}

/** I take what is sent on these. The first frames of a link say all that its side has open, also if that is none. */
export interface LaneOpen {
  readonly _tag: "LaneOpen"
  readonly lanes: ReadonlyArray<OpenedLane>
  /** Whether this is the last chunk of the list. */
  readonly last: boolean
}

/** I take no more on this lane. */
export interface LaneClose {
  readonly _tag: "LaneClose"
  readonly lane: number
}

/** Nothing more will come on this lane, whose number is free again: the answer to LaneClose. */
export interface LaneClosed {
  readonly _tag: "LaneClosed"
  readonly lane: number
}

/** The reader took the message with this number of `confirm`, and all before it on the lane. */
export interface Taken {
  readonly _tag: "Taken"
  readonly lane: number
  readonly id: number
}

/** Frames about the lanes. */
export type LaneFrame = LaneOpen | LaneClose | LaneClosed | Taken | Credit

/**
 * Why a link ends.
 *
 * - `left`: the sender leaves the cluster. `parted`: the sender does not want this link; do not redial.
 * - `replaced`: a newer life of the receiver's name is in the cluster. `duplicate`: a better link of the same pair is up.
 * - `superseded`: the sender found its own name at a higher generation and stops.
 * - `silent`: nothing was heard for the link timeout. `slow`: the receiver does not drain.
 * - The others are violations of the protocol by the receiver of the Bye.
 */
export type ByeCode =
  | "left"
  | "parted"
  | "replaced"
  | "duplicate"
  | "superseded"
  | "silent"
  | "slow"
  | "oversize"
  | "malformed"
  | "creditExceeded"
  | "laneUnknown"
  | "unexpectedFrame"
  | "rate"

/** All Bye codes, in the order of their listing in docs. */
export const byeCodes: ReadonlyArray<ByeCode> = [
  "left",
  "parted",
  "replaced",
  "duplicate",
  "superseded",
  "silent",
  "slow",
  "oversize",
  "malformed",
  "creditExceeded",
  "laneUnknown",
  "unexpectedFrame",
  "rate",
]

/** The last frame: a close without it is suspicious. */
export interface Bye {
  readonly _tag: "Bye"
  readonly code: ByeCode
  readonly message: string
}

/** Frames of the handshake. */
export type HandshakeFrame = Hello | HelloAck | HelloReject | Ready

/** Frames that the membership reads and writes. */
export type MembershipFrame = Update | YouAre | ProbeRequest | ProbeResult | SyncDigest | SyncDelta | Leave | LeaveAck

/** Frames that go before data and are not counted as data. */
export type ControlFrame = HandshakeFrame | MembershipFrame | LaneFrame | Ping | Pong | Bye

/** Every frame of version 1. */
export type Frame = ControlFrame | Data

/** The version that this library speaks. */
export const protocolVersion = 1

/** The inbox: the lane that is always open. */
export const inboxLane = 0

/** Name under which this node reads its inbox: empty, which no named lane may be. */
export const inboxName = ""

/** What a Data frame costs in credit beyond its payload, so that empty messages are not free. */
export const dataOverhead = 64

/** The most lanes that one side may have open on a link, besides the inbox. */
export const maxLanes = 4096

/** A trace id of 16 bytes, a span id of 8, and one byte of flags (W3C Trace Context, section 3.2). */
export const traceBytes = 25

/** The largest payload of one Data frame. */
export const maxFragmentBytes = 64 * 1024
