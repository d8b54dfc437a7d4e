/**
 * The three-way handshake, from both sides: Hello, HelloAck, Ready, Ready. This node stores nothing about a peer before the
 * peer's last frame of the handshake has arrived (docs/protocol.md, section "Handshake"). What this node knows about peers
 * comes through {@link HandshakeHost}.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import type { Address } from "../Address.ts"
import type * as Admission from "../Admission.ts"
import { maxObservedHostBytes, minWindow, protocolVersion } from "../protocol/constants.ts"
import type { Frame, Hello, HelloAck, HelloReject, Ready, RejectCode, YouAreBelief } from "../protocol/Frame.ts"
import { clipMessage, rejectCodes } from "../protocol/Frame.ts"
import * as PeerName from "../protocol/PeerName.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import { compareProcesses, type Process } from "../protocol/processOrder.ts"
import { clip } from "../protocol/ProtocolViolation.ts"
import type { Connection, TransportError } from "../Transport.ts"
import * as FrameEncoder from "../wire/FrameEncoder.ts"
import * as FrameTable from "../wire/FrameTable.ts"
import * as Traffic from "../wire/Traffic.ts"
import type { FrameReader, ReadOutcome } from "./FrameReader.ts"
import type { Rank } from "./Link.ts"

/** Error of a handshake that one of the two peers refused. */
export class HandshakeRejected extends Schema.TaggedError<HandshakeRejected>()("HandshakeRejected", {
  code: Schema.Literals(rejectCodes),
  message: Schema.String,
  /** Side that refused: this node (`us`) or the peer (`them`). */
  by: Schema.Literals(["us", "them"]),
  /** Lowest generation that the peer would accept, with `stale` and with `duplicate`. */
  atLeastGeneration: Schema.optionalKey(Schema.Number),
  /** Time after which the peer suggests another attempt, in milliseconds. */
  retryAfter: Schema.optionalKey(Schema.Number),
}) {}

/** Error of a handshake that ended before it was complete, without a refusal. */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {
  /**
   * - `timeout`: the handshake was not complete in time. `lost`: the connection ended.
   * - `violation`: the other side does not speak this protocol.
   * - `wrongPeer`: another peer than expected lives at the address.
   * - `known`: this node dialed to find strangers, and the peer that answered has a link.
   * - `displaced`: a newcomer took the place of the connection, which had not brought a whole Hello.
   */
  reason: Schema.Literals(["timeout", "violation", "wrongPeer", "known", "displaced", "lost"]),
  message: Schema.String,
}) {}

export type HandshakeError = HandshakeRejected | HandshakeFailed | TransportError

/** Result of a handshake. */
export interface Established {
  readonly peer: PeerRecord
  readonly rank: Rank
  /** Window of the peer's inbox, in bytes: what this side may send before the first Credit. */
  readonly peerWindow: number
  /** Silence after which the peer ends the link, in milliseconds. */
  readonly peerLinkTimeout: number
  /** View hash of the peer. */
  readonly viewHash: bigint
  /** Belief of the peer about this node. */
  readonly youAre: YouAreBelief | undefined
  /** Host of this node as the peer sees it. Only the dialer learns it. */
  readonly observedHost: string | undefined
}

/** State of this node at one moment, as far as a handshake reads it. */
export interface NodeState {
  /** Record of this node. */
  readonly self: PeerRecord
  /** Number of this process, which tells two processes of one generation apart. */
  readonly instance: number
  readonly viewHash: bigint
}

/** First frame of a peer, as far as it says who the peer is. */
export type Introduction = Pick<Hello | HelloAck, "record" | "instance" | "viewHash" | "linkTimeout">

/** Node that a handshake is for. `S` is the type of its states, which are immutable. */
export interface HandshakeHost<S extends NodeState> {
  /** Name of the cluster. */
  readonly label: string
  /** Window of this node's inbox, in bytes. */
  readonly inboxWindowBytes: number
  /** Silence after which this node ends a link, in milliseconds. */
  readonly linkTimeout: number
  readonly admission: Admission.Policy
  /** Returns the newest state. */
  readonly state: () => S
  /** Returns `false` once this node leaves. */
  readonly isRunning: (state: S) => boolean
  /** Returns the belief of this node about one life of a peer, if it has one. */
  readonly beliefAbout: (state: S, peer: PeerRecord) => YouAreBelief | undefined
  /** Returns `true` if the peer has a link. */
  readonly hasLink: (name: string) => boolean
  /** Returns the refusal of a Hello by everything but the admission policy, or `undefined` if it is acceptable. */
  readonly judgeHello: (hello: Hello) => HelloReject | undefined
  /** Returns the refusal of a peer that no handshake may meet, whichever side dialed, or `undefined` if it is acceptable. */
  readonly judgePeer: (peer: Introduction) => HelloReject | undefined
  /** Handles that a handshake with another process of this node's own name was complete. */
  readonly meetNamesake: (peer: Introduction) => Effect.Effect<void>
  /**
   * Handles that an older process of this node's own name dialed and is about to know this node, after which it stops (R8). Returns
   * `false` if this node stops itself: the older process must not learn of it then, so that one of the two stays.
   */
  readonly outlivesNamesake: () => boolean
  /** Refutes the peer's belief about this node if it is an accusation. Returns the state after it. */
  readonly refute: (youAre: YouAreBelief | undefined) => Effect.Effect<S>
  /** Handles that a dialer refused this node, as it was then, instead of sending Ready. */
  readonly onDialerRefusal: (error: HandshakeError, before: S) => Effect.Effect<void>
}

/** Connection during its handshake. */
export interface Exchange {
  readonly connection: Connection
  readonly reader: FrameReader
  /** Counters of the written frames. */
  readonly sent: Traffic.Traffic
  /**
   * Called before this side sends Ready. From then on the peer may count on the connection, and this side must not give it up
   * for a better one without a Bye.
   */
  readonly commit: (peer: PeerRecord, rank: Rank) => void
}

/** Writes a frame, and counts it. */
export const write = ({ connection, sent }: Pick<Exchange, "connection" | "sent">, frame: Frame) =>
  Effect.suspend(() => {
    const bytes = FrameEncoder.encode(frame)
    Traffic.count(sent, FrameTable.kinds[frame._tag], bytes.length)
    return connection.write([bytes])
  })

/** Maximum length of a peer's text in an error or a line of the log, in characters. */
const maxQuote = 200

/** Shortens a peer's text for an error or a line of the log. */
export const quote = (text: string): string => clip(text, maxQuote)

/** Returns why a handshake failed, as a text of this node about the peer. A text of the peer is marked as the peer's. */
export const describe = (error: HandshakeError): string => {
  if (error._tag !== "HandshakeRejected") return error.message
  return error.by === "us"
    ? `this node refused the peer: ${error.message}`
    : `the peer refused this node and says: ${error.message}`
}

/** Returns why the dial of an address failed, beginning with the address. */
export const describeDial = (address: Address, error: HandshakeError): string => {
  const text = describe(error)
  // Transports begin their messages with the address.
  return text.startsWith(`${address} `) ? text : `${address}: ${text}`
}

const violation = (message: string) => new HandshakeFailed({ reason: "violation", message })

const ended = (end: ReadOutcome): HandshakeFailed => {
  switch (end._tag) {
    case "ProtocolViolation":
      return violation(`the other side does not speak this protocol: ${end.message}`)
    case "Bye":
      return new HandshakeFailed({
        reason: "lost",
        message: `the peer said ${end.bye.code}: ${quote(end.bye.message)}`,
      })
    case "Ended":
      return new HandshakeFailed({ reason: "lost", message: "the peer closed the connection" })
    case "Lost":
      return new HandshakeFailed({ reason: "lost", message: end.error.message })
  }
}

const rejection = (frame: HelloReject) =>
  new HandshakeRejected({
    code: frame.code,
    message: quote(frame.message),
    by: "them",
    ...(frame.atLeastGeneration === undefined ? {} : { atLeastGeneration: frame.atLeastGeneration }),
    ...(frame.retryAfter === undefined ? {} : { retryAfter: frame.retryAfter }),
  })

const next = (exchange: Exchange) => Effect.mapError(exchange.reader.next, ended)

/**
 * Returns the Ready of this node. The peer pairs its incarnation with the body that Hello or HelloAck showed. If the
 * application has changed the body since, Ready carries the incarnation of the shown body, and the new body follows as an
 * Update.
 */
const readyOf = <S extends NodeState>(host: HandshakeHost<S>, sent: PeerRecord, now: S, peer: PeerRecord): Ready => ({
  _tag: "Ready",
  incarnation: now.self.body === sent.body ? now.self.incarnation : sent.incarnation,
  viewHash: now.viewHash,
  youAre: host.beliefAbout(now, peer),
})

const awaitReady = Effect.fnUntraced(function* (exchange: Exchange, peer: PeerRecord) {
  const frame = yield* next(exchange)
  if (frame._tag === "HelloReject") return yield* rejection(frame)
  if (frame._tag === "Bye") return yield* ended({ _tag: "Bye", bye: frame })
  if (frame._tag !== "Ready") return yield* violation(`expected Ready, got ${frame._tag}`)
  if (frame.incarnation < peer.incarnation) return yield* violation("an incarnation went back")
  return frame
})

const established = (
  peer: PeerRecord,
  rank: Rank,
  ready: Ready,
  {
    linkTimeout,
    observedHost,
    window,
  }: Pick<Hello, "linkTimeout" | "window"> & Partial<Pick<HelloAck, "observedHost">>,
): Established => ({
  peer: { ...peer, incarnation: ready.incarnation },
  rank,
  peerWindow: window,
  peerLinkTimeout: linkTimeout,
  viewHash: ready.viewHash,
  youAre: ready.youAre,
  observedHost,
})

const rankOf = (dialer: string, acceptor: string, epoch: number, instance: number): Rank => ({
  instance,
  epoch,
  byLower: PeerName.compareNames(dialer, acceptor) < 0,
})

/** Runs the dialer's side of the handshake. */
export const dial = Effect.fnUntraced(function* <S extends NodeState>(
  host: HandshakeHost<S>,
  exchange: Exchange,
  options: {
    readonly address: Address
    readonly epoch: number
    /** Name of the peer that must answer, if it is known. */
    readonly expected: string | undefined
    /** `true` if the application asked to join. */
    readonly join: boolean
    /** `true` if a peer that has a link is not wanted. */
    readonly stranger: boolean
  },
) {
  const { connection } = exchange
  const before = host.state()
  yield* write(exchange, {
    _tag: "Hello",
    versionMin: protocolVersion,
    versionMax: protocolVersion,
    label: host.label,
    record: before.self,
    instance: before.instance,
    linkEpoch: options.epoch,
    dialedAddress: options.address,
    ...(options.join ? { join: true } : {}),
    viewHash: before.viewHash,
    window: host.inboxWindowBytes,
    linkTimeout: host.linkTimeout,
  })
  const ack = yield* next(exchange)
  if (ack._tag === "HelloReject") return yield* rejection(ack)
  if (ack._tag === "Bye") return yield* ended({ _tag: "Bye", bye: ack })
  if (ack._tag !== "HelloAck") return yield* violation(`expected HelloAck, got ${ack._tag}`)
  const problem = ackProblem(before, ack)
  if (problem !== undefined) return yield* violation(problem)
  if (options.expected !== undefined && ack.record.name !== options.expected) {
    const message = `"${ack.record.name}" lives at ${options.address}, not "${options.expected}"`
    return yield* new HandshakeFailed({ reason: "wrongPeer", message })
  }
  if (options.stranger && host.hasLink(ack.record.name)) {
    const message = `"${ack.record.name}", which lives at ${options.address}, has a link`
    return yield* new HandshakeFailed({ reason: "known", message })
  }
  const refusal = host.judgePeer(ack)
  if (refusal !== undefined) {
    // The peer may not know that its clock is behind, so this side tells it although it dialed.
    yield* write(exchange, refusal)
    yield* connection.end
    return yield* new HandshakeRejected({ code: refusal.code, message: refusal.message, by: "us" })
  }
  const verdict = yield* host.admission(applicant(ack.record, connection))
  if (verdict._tag === "Deny") {
    return yield* new HandshakeRejected({ code: "denied", message: verdict.reason, by: "us" })
  }
  // A process that no peer would accept must not stop this one.
  if (ack.record.name === before.self.name) return yield* meetNamesake(host, exchange, before.self, ack)
  exchange.reader.open()
  const rank = rankOf(before.self.name, ack.record.name, options.epoch, ack.instance)
  const now = yield* host.refute(ack.youAre)
  if (!goesOn(host, before, now)) return yield* leaving()
  exchange.commit(ack.record, rank)
  yield* write(exchange, readyOf(host, before.self, now, ack.record))
  const ready = yield* awaitReady(exchange, ack.record)
  return established(ack.record, rank, ready, ack)
})

/**
 * Completes the handshake with a newer process of this node's own name, which proves that it lives (R8). No link comes of it.
 * This node stops, unless it has met nobody; then it has a name that is taken.
 */
const meetNamesake = Effect.fnUntraced(function* <S extends NodeState>(
  host: HandshakeHost<S>,
  exchange: Exchange,
  self: PeerRecord,
  ack: HelloAck,
) {
  yield* write(exchange, readyOf(host, self, host.state(), ack.record))
  yield* awaitReady(exchange, ack.record)
  yield* exchange.connection.end
  yield* host.meetNamesake(ack)
  const message = `a newer process lives there under the name "${self.name}"; give every peer a name of its own`
  return yield* new HandshakeRejected({ code: "duplicate", message, by: "us" })
})

/** Returns `true` if this node is still in the life in which the handshake began. */
const goesOn = <S extends NodeState>(host: HandshakeHost<S>, before: S, now: S): boolean =>
  host.isRunning(now) && now.self.generation === before.self.generation

const leaving = () =>
  new HandshakeFailed({ reason: "lost", message: "this node leaves, or began a newer life during the handshake" })

/** Returns what is wrong with a HelloAck, or `undefined`. */
const ackProblem = ({ instance, self }: NodeState, ack: HelloAck): string | undefined => {
  if (ack.version !== protocolVersion) return `version ${ack.version} was not offered`
  if (ack.record.status !== "alive") return "the peer says it is not alive"
  const isNewer = compareProcesses(processOf(ack), { generation: self.generation, instance }) > 0
  if (ack.record.name === self.name && !isNewer) return "the peer has this node's name"
  return ack.window < minWindow ? `a window of ${ack.window} bytes is too small` : undefined
}

/** Returns the process that a side of the handshake shows itself to be. */
export const processOf = ({ instance, record }: Pick<Introduction, "record" | "instance">): Process => ({
  generation: record.generation,
  instance,
})

const applicant = (record: PeerRecord, connection: Connection): Admission.Applicant => ({
  name: record.name,
  generation: record.generation,
  metadata: record.body.metadata,
  remoteHost: connection.remoteHost,
})

/** Returns the refusal of a Hello. */
export const reject = (
  code: RejectCode,
  message: string,
  more?: Pick<HelloReject, "atLeastGeneration" | "retryAfter">,
): HelloReject => ({ _tag: "HelloReject", code, message: clipMessage(message), ...more })

/** Refusal of every stranger when a cap is reached. */
export const busy: HelloReject = reject("busy", "too many connections; try again later", { retryAfter: 1_000 })

/** Runs the acceptor's side of the handshake. `awaitHello` wraps the wait for the first frame. */
export const accept = Effect.fnUntraced(function* <S extends NodeState>(
  host: HandshakeHost<S>,
  exchange: Exchange,
  awaitHello: (first: Effect.Effect<Frame, HandshakeError>) => Effect.Effect<Frame, HandshakeError> = identity,
) {
  const { connection, reader } = exchange
  const hello = yield* awaitHello(next(exchange))
  // A stranger that does not begin with Hello gets no answer.
  if (hello._tag !== "Hello") return yield* violation(`expected Hello, got ${hello._tag}`)
  if (hello.record.status !== "alive" || hello.window < minWindow) return yield* violation("a Hello that cannot be")
  let refusal = host.judgeHello(hello)
  if (refusal === undefined) {
    const verdict = yield* host.admission(applicant(hello.record, connection))
    if (verdict._tag === "Deny") refusal = reject("denied", verdict.reason)
  }
  if (refusal !== undefined) {
    yield* write(exchange, refusal)
    yield* connection.end
    return yield* new HandshakeRejected({ code: refusal.code, message: refusal.message, by: "us" })
  }
  const peer = hello.record
  const before = host.state()
  yield* write(exchange, {
    _tag: "HelloAck",
    version: protocolVersion,
    record: before.self,
    instance: before.instance,
    viewHash: before.viewHash,
    window: host.inboxWindowBytes,
    linkTimeout: host.linkTimeout,
    observedHost: connection.remoteHost.slice(0, maxObservedHostBytes),
    youAre: host.beliefAbout(before, peer),
  })
  const ready = yield* Effect.tapError(awaitReady(exchange, peer), (error) => host.onDialerRefusal(error, before))
  if (peer.name === before.self.name) {
    // An older process of this name. There is no link between two processes of one name.
    if (!host.outlivesNamesake()) return yield* leaving()
    yield* write(exchange, readyOf(host, before.self, host.state(), peer))
    yield* write(exchange, { _tag: "Bye", code: "replaced", message: "" })
    yield* connection.end
    return yield* new HandshakeFailed({ reason: "wrongPeer", message: "an older process of this name dialed" })
  }
  const now = yield* host.refute(ready.youAre)
  if (!goesOn(host, before, now)) return yield* leaving()
  const rank = rankOf(peer.name, now.self.name, hello.linkEpoch, hello.instance)
  exchange.commit(peer, rank)
  yield* write(exchange, readyOf(host, before.self, now, peer))
  reader.open()
  return established(peer, rank, ready, hello)
})

const transientCodes = ["busy", "stale", "parted"] as const satisfies ReadonlyArray<RejectCode>

/** Returns `true` if another attempt may succeed after a refusal with this code, without a change of any configuration. */
export const isTransientCode = (code: RejectCode): code is (typeof transientCodes)[number] =>
  transientCodes.some((each) => each === code)

/** Returns `true` if another attempt may succeed without a change of any configuration. */
export const isTransient = (error: HandshakeError): boolean =>
  error._tag !== "HandshakeRejected" || isTransientCode(error.code)
