/**
 * Frames as typed values. All higher layers exchange these values. Only `wire` knows their bytes (docs/protocol.md,
 * section "Frames").
 */
import type { Address } from "../Address.ts"
import { maxMessageBytes } from "./constants.ts"
import type { Key, PeerRecord, Status } from "./PeerRecord.ts"
import type { ViolationCode } from "./ProtocolViolation.ts"
import { violationCodes } from "./ProtocolViolation.ts"

/** Belief of the sender about the receiver. It lets the receiver refute an accusation at once. */
export interface YouAreBelief {
  readonly generation: number
  readonly incarnation: number
  readonly status: Status
}

/** First frame of the dialer: its own record, and the name of its cluster. */
export interface Hello {
  readonly _tag: "Hello"
  readonly versionMin: number
  readonly versionMax: number
  /** Name of the cluster. */
  readonly label: string
  /** Record of the dialer, with the status alive. */
  readonly record: PeerRecord
  /** Number of the dialer's process, which distinguishes two processes of one generation. */
  readonly instance: number
  /** Number of this connection among those that the dialer opened. It ranks simultaneous connections. */
  readonly linkEpoch: number
  readonly dialedAddress: Address
  /** `true` if the application called `join`, which ends a disconnection; absent if the dialer dials by itself. */
  readonly join?: boolean | undefined
  readonly viewHash: bigint
  /** Number of bytes that the acceptor may send on the inbox lane before the first Credit. */
  readonly window: number
  /**
   * Silence after which the dialer ends the link, in milliseconds. The acceptor writes something three times within it.
   */
  readonly linkTimeout: number
}

/** Answer of the acceptor: its own record, and its belief about the dialer. */
export interface HelloAck {
  readonly _tag: "HelloAck"
  readonly version: number
  readonly record: PeerRecord
  /** Number of the acceptor's process, which distinguishes two processes of one generation. */
  readonly instance: number
  readonly viewHash: bigint
  readonly window: number
  /**
   * Silence after which the acceptor ends the link, in milliseconds. The dialer writes something three times within it.
   */
  readonly linkTimeout: number
  /** Host of the dialer as the acceptor sees it. */
  readonly observedHost: string
  readonly youAre?: YouAreBelief | undefined
}

/**
 * Reason for which a peer refuses a handshake.
 *
 * - `label`: another cluster. `version`: no common version. `denied`: the admission policy refused the dialer.
 * - `busy`: a limit is reached; try later. `self`: the dialer reached itself.
 * - `duplicate`: the acceptor has the dialer's name, or has a link to another process of the dialer's life.
 * - `stale`: a newer life of the dialer's name is known; `atLeastGeneration` would be accepted.
 */
export type RejectCode = "label" | "version" | "busy" | "self" | "denied" | "duplicate" | "stale"

/** All reject codes, in the order of their numbers in docs. */
export const rejectCodes: ReadonlyArray<RejectCode> = [
  "label",
  "version",
  "busy",
  "self",
  "denied",
  "duplicate",
  "stale",
]

/** Refusal of a handshake, after which the connection ends. */
export interface HelloReject {
  readonly _tag: "HelloReject"
  readonly code: RejectCode
  readonly message: string
  readonly atLeastGeneration?: number | undefined
  /** Time to wait before the next attempt, in milliseconds, with `busy`. */
  readonly retryAfter?: number | undefined
}

/** Last frame of the handshake. The link is up for a side that has sent and received it. */
export interface Ready {
  readonly _tag: "Ready"
  /** Current incarnation of the sender. The sender raises it if the handshake contained an accusation. */
  readonly incarnation: number
  readonly viewHash: bigint
  readonly youAre?: YouAreBelief | undefined
}

/** Heartbeat. Any other frame is a sign of life as well. */
export interface Ping {
  readonly _tag: "Ping"
  readonly seq: number
  readonly viewHash: bigint
  /** Delay of the sender's timers, in milliseconds, at most 65535. */
  readonly lag: number
}

/** Answer to a Ping, with the number of the Ping. */
export interface Pong {
  readonly _tag: "Pong"
  readonly seq: number
  readonly viewHash: bigint
  readonly lag: number
}

/** Newer records of members. */
export interface Update {
  readonly _tag: "Update"
  readonly records: ReadonlyArray<PeerRecord>
}

/** Informs an accused peer of the accusation. */
export interface YouAre extends YouAreBelief {
  readonly _tag: "YouAre"
}

/** Request to a member to report whether it reaches this life of another peer. */
export interface ProbeRequest {
  readonly _tag: "ProbeRequest"
  /** Number of the request, which the answer repeats. */
  readonly id: number
  readonly target: string
  readonly generation: number
  /** Time within which an answer is useful, in milliseconds. */
  readonly deadline: number
}

/**
 * Answer of a probed member about another peer.
 *
 * - `up`: the member has just heard from the peer on its own link.
 * - `down`: the member has no link to the peer, or the peer does not answer on the link.
 * - `refused`: the member's connection was refused, so the process is not running.
 * - `unknown`: the member never met this life, or has too many unanswered requests.
 */
export type Verdict = "up" | "down" | "refused" | "unknown"

/** All answers of a probed member. */
export const verdicts: ReadonlyArray<Verdict> = ["up", "down", "refused", "unknown"]

/** Answer to a ProbeRequest, with the number of the request. */
export interface ProbeResult {
  readonly _tag: "ProbeResult"
  readonly id: number
  readonly verdict: Verdict
}

/** Keys of all records of the sender: the first half of anti-entropy. */
export interface SyncDigest {
  readonly _tag: "SyncDigest"
  readonly entries: ReadonlyArray<Key>
  /** `true` in the last chunk of the digest. */
  readonly last: boolean
}

/** Records that the receiver lacks, and names whose records the sender lacks: the second half of anti-entropy. */
export interface SyncDelta {
  readonly _tag: "SyncDelta"
  readonly records: ReadonlyArray<PeerRecord>
  readonly want: ReadonlyArray<string>
}

/** Announcement that the sender leaves the cluster. */
export interface Leave {
  readonly _tag: "Leave"
  readonly generation: number
}

/** Answer to a Leave. */
export interface LeaveAck {
  readonly _tag: "LeaveAck"
  readonly generation: number
}

/** Message, or a fragment of one. Costs `payload.length + dataOverhead` bytes of credit. */
export interface Data {
  readonly _tag: "Data"
  readonly lane: number
  readonly first: boolean
  readonly last: boolean
  /** `true` if the sender gave up the message that it had begun. Such a frame has no payload. */
  readonly abort: boolean
  /** Size of the whole message in bytes. Present only in the first fragment of several. */
  readonly total?: number | undefined
  /**
   * Number of a message for which the sender requests a {@link Taken}. Present only in the first fragment. Counts from
   * 1 on each lane.
   */
  readonly confirm?: number | undefined
  /** Span that sent the message, in `traceBytes` bytes. Present only in the first fragment. */
  readonly trace?: Uint8Array | undefined
  readonly payload: Uint8Array
}

/** Permission for the receiver of the frame to send more bytes on a lane, because the reader has read as much. */
export interface Credit {
  readonly _tag: "Credit"
  readonly lane: number
  readonly bytes: number
}

/** Lane that the sender of a LaneOpen reads. */
export interface OpenedLane {
  /** Number of the lane on this link, in this direction. Never 0, which is the inbox. */
  readonly lane: number
  /** Name of the lane, such as the name of a topic. */
  readonly name: string
  /**
   * Format of the messages that the reader expects, such as `json`. Absent if the reader accepts bytes of any format.
   */
  readonly format?: string | undefined
  /** Number of bytes that the peer may send on the lane before the first Credit. */
  readonly window: number
}

/**
 * Opens lanes that the sender of the frame reads. The first frames of a link list all lanes that a side reads, even if
 * there are none.
 */
export interface LaneOpen {
  readonly _tag: "LaneOpen"
  readonly lanes: ReadonlyArray<OpenedLane>
  /** `true` in the last chunk of the list. */
  readonly last: boolean
}

/** Closes a lane that the sender of the frame no longer reads. */
export interface LaneClose {
  readonly _tag: "LaneClose"
  readonly lane: number
}

/** Answer to LaneClose: nothing more arrives on the lane, and its number is free again. */
export interface LaneClosed {
  readonly _tag: "LaneClosed"
  readonly lane: number
}

/**
 * Acknowledgement that the reader has read the message with this number of `confirm` and all earlier messages of the
 * lane.
 */
export interface Taken {
  readonly _tag: "Taken"
  readonly lane: number
  readonly id: number
}

/** Frames about lanes. */
export type LaneFrame = LaneOpen | LaneClose | LaneClosed | Taken | Credit

/**
 * Reason for which a link ends.
 *
 * - `left`: the sender leaves the cluster. `parted`: the sender does not want this link; do not dial again.
 * - `replaced`: a newer life of the receiver's name is in the cluster. `duplicate`: a better link of the same pair is
 * up.
 * - `superseded`: the sender found a higher generation of its own name and stops.
 * - `silent`: no bytes arrived for the link timeout. `slow`: the receiver does not drain.
 * - `busy`: the sender has no place for another member. The receiver dials again.
 * - The other codes are violations of the protocol by the receiver of the Bye.
 */
export type ByeCode =
  | "left"
  | "parted"
  | "replaced"
  | "duplicate"
  | "superseded"
  | "silent"
  | "slow"
  | "busy"
  | ViolationCode

/** All Bye codes, in the order of their listing in docs. */
export const byeCodes: ReadonlyArray<ByeCode> = [
  "left",
  "parted",
  "replaced",
  "duplicate",
  "superseded",
  "silent",
  "slow",
  "busy",
  ...violationCodes,
]

/** Last frame of a link. A connection that ends without a Bye counts as lost. */
export interface Bye {
  readonly _tag: "Bye"
  readonly code: ByeCode
  readonly message: string
}

/** Frames of the handshake. */
export type HandshakeFrame = Hello | HelloAck | HelloReject | Ready

/** Frames that membership reads and writes. */
export type MembershipFrame = Update | YouAre | ProbeRequest | ProbeResult | SyncDigest | SyncDelta | Leave | LeaveAck

/** All frames except Data. They are written before data and cost no credit. */
export type ControlFrame = HandshakeFrame | MembershipFrame | LaneFrame | Ping | Pong | Bye

/** All frames of version 1. */
export type Frame = ControlFrame | Data

const utf8 = new TextEncoder()

/** Shortens an explanation to the maximum length in a HelloReject or Bye. */
export const clipMessage = (message: string): string => {
  const wellFormed = message.toWellFormed()
  // Each UTF-16 unit takes three bytes at most.
  if (3 * wellFormed.length <= maxMessageBytes) return wellFormed
  const bytes = new Uint8Array(maxMessageBytes)
  const { read } = utf8.encodeInto(wellFormed, bytes)
  return wellFormed.slice(0, read)
}
