/**
 * The three-way handshake, from both sides: Hello, HelloAck, Ready, Ready (docs/protocol.md, section "Handshake"). This
 * node stores nothing about a peer before the peer's last frame of the handshake has arrived. The handshake reads the
 * state of this node through {@link HandshakeHost}.
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
import type { Connection, Identity, TransportError } from "../Transport.ts"
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
  /** Lowest generation that the peer accepts, with `stale` and with `duplicate`. */
  atLeastGeneration: Schema.optionalKey(Schema.Number),
  /** Time after which the peer suggests another attempt, in milliseconds. */
  retryAfter: Schema.optionalKey(Schema.Number),
}) {}

/** Error of a handshake that ended early without a refusal. */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {
  /**
   * - `timeout`: the handshake did not complete in time. `lost`: the connection ended.
   * - `violation`: the other side does not speak this protocol.
   * - `wrongPeer`: another peer than the expected one answered at the address.
   * - `known`: this node dialed to find unknown peers, and the peer that answered already has a link.
   * - `displaced`: a newer connection took the place of this one, which had not sent a complete Hello.
   * - `disconnected`: this node has disconnected the peer, and no side called `join` since.
   */
  reason: Schema.Literals(["timeout", "violation", "wrongPeer", "known", "displaced", "disconnected", "lost"]),
  message: Schema.String,
}) {}

export type HandshakeError = HandshakeRejected | HandshakeFailed | TransportError

/** Result of a handshake. */
export interface Established {
  readonly peer: PeerRecord
  readonly rank: Rank
  /** Window of the peer's inbox, in bytes: the amount that this side may send before the first Credit. */
  readonly peerWindow: number
  /** Silence after which the peer ends the link, in milliseconds. */
  readonly peerLinkTimeout: number
  /** View hash of the peer. */
  readonly viewHash: bigint
  /** Belief of the peer about this node. */
  readonly youAre: YouAreBelief | undefined
  /** Host of this node as the peer sees it. Only the dialer receives it. */
  readonly observedHost: string | undefined
}

/** State of this node at one moment, with the fields that a handshake reads. */
export interface NodeState {
  /** Record of this node. */
  readonly self: PeerRecord
  /** Number of this process, which distinguishes two processes of one generation. */
  readonly instance: number
  readonly viewHash: bigint
}

/** Fields of the first frame of a peer that identify the peer. */
export type Introduction = Pick<Hello | HelloAck, "record" | "instance" | "viewHash" | "linkTimeout">

/** Node that runs a handshake. `S` is the type of its states, which are immutable. */
export interface HandshakeHost<S extends NodeState> {
  /** Name of the cluster. */
  readonly label: string
  /** Window of this node's inbox, in bytes. */
  readonly inboxWindowBytes: number
  /** Silence after which this node ends a link, in milliseconds. */
  readonly linkTimeout: number
  readonly admission: Admission.Policy
  /** Returns the current state. */
  readonly state: () => S
  /** Returns `false` once this node is leaving. */
  readonly isRunning: (state: S) => boolean
  /** Returns the view hash for Hello and HelloAck. */
  readonly introductionHash: (state: S) => bigint
  /** Returns the belief of this node about one life of a peer, or `undefined`. */
  readonly beliefAbout: (state: S, peer: PeerRecord) => YouAreBelief | undefined
  /** Returns `true` if the peer has a link. */
  readonly hasLink: (name: string) => boolean
  /** Returns `true` if this node has disconnected this life of the peer. */
  readonly isDisconnected: (peer: PeerRecord) => boolean
  /**
   * Returns the refusal of a Hello by any rule except the admission policy, or `undefined` if the Hello is acceptable.
   */
  readonly judgeHello: (hello: Hello, identity: Identity | undefined) => HelloReject | undefined
  /** Returns the refusal of a peer by the rules that apply to both sides, or `undefined` if the peer is acceptable. */
  readonly judgePeer: (peer: Introduction, identity: Identity | undefined) => HelloReject | undefined
  /** Handles a complete handshake with another process of this node's name. */
  readonly meetNamesake: (peer: Introduction) => Effect.Effect<void>
  /**
   * Handles an older process of this node's name that dialed and is about to learn of this node, after which it stops
   * (R8). Returns `false` if this node itself stops. The older process must then not learn of this node, so that one of
   * the two stays.
   */
  readonly outlivesNamesake: () => boolean
  /**
   * Refutes the peer's belief about this node if the belief is an accusation. Returns the state after the refutation.
   */
  readonly refute: (youAre: YouAreBelief | undefined) => Effect.Effect<S>
  /** Handles a dialer that sent a refusal instead of Ready. `before` is the state that the dialer refused. */
  readonly onDialerRefusal: (error: HandshakeError, before: S) => Effect.Effect<void>
}

/** Connection during its handshake. */
export interface Exchange {
  readonly connection: Connection
  readonly reader: FrameReader
  /** Counters of the written frames. */
  readonly sent: Traffic.Traffic
  /**
   * Called before this side sends Ready. After that the peer may rely on the connection, and this side must send a Bye
   * before it abandons the connection for a better one.
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

/** Maximum length of a quoted text of a peer in an error or log line, in characters. */
const maxQuote = 200

/** Shortens a text of a peer for an error or log line. */
export const quote = (text: string): string => clip(text, maxQuote)

/**
 * Returns the reason of a failed handshake, as a text of this node about the peer. Marks a text of the peer as such.
 */
export const describe = (error: HandshakeError): string => {
  if (error._tag !== "HandshakeRejected") return error.message
  return error.by === "us"
    ? `this node refused the peer: ${error.message}`
    : `the peer refused this node: ${error.message}`
}

/** Returns the reason of a failed dial. The text begins with the address. */
export const describeDial = (address: Address, error: HandshakeError): string => {
  const text = describe(error)
  // The messages of transports already begin with the address.
  return text.startsWith(`${address} `) ? text : `${address}: ${text}`
}

const violation = (message: string) => new HandshakeFailed({ reason: "violation", message })

const ended = (end: ReadOutcome): HandshakeFailed | TransportError => {
  switch (end._tag) {
    case "ProtocolViolation":
      return violation(`the other side does not speak this protocol: ${end.message}`)
    case "Bye":
      return new HandshakeFailed({
        reason: "lost",
        message: `the peer sent Bye ${end.bye.code}: ${quote(end.bye.message)}`,
      })
    case "Ended":
      return new HandshakeFailed({ reason: "lost", message: "the peer closed the connection" })
    case "Lost":
      // The other side may judge a proof after the connection is open.
      if (end.error.reason === "unauthenticated") return end.error
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

const next = (exchange: Pick<Exchange, "reader">) => Effect.mapError(exchange.reader.next, ended)

/**
 * Returns the Ready of this node. The peer combines its incarnation with the body from Hello or HelloAck. If the
 * application has changed the body since, Ready contains the incarnation of the sent body, and the new body follows in
 * an Update.
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
  if (frame.incarnation < peer.incarnation) return yield* violation("Ready has a lower incarnation than the record")
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

/** Name and instance of one side, as the handshake showed them. */
interface Shown {
  readonly name: string
  readonly instance: number
}

const rankOf = (dialer: Shown, acceptor: Shown, peer: Shown, epoch: number): Rank => {
  const byLower = PeerName.compareNames(dialer.name, acceptor.name) < 0
  const [lower, higher] = byLower ? [dialer, acceptor] : [acceptor, dialer]
  return { instance: peer.instance, instances: [lower.instance, higher.instance], epoch, byLower }
}

const shownBy = ({ instance, self: { name } }: NodeState): Shown => ({ name, instance })

/**
 * Runs the first half of the dialer's side of the handshake: sends Hello and returns the HelloAck. The peer stores
 * nothing about this side before it receives Ready.
 */
export const introduce = Effect.fnUntraced(function* (
  exchange: Pick<Exchange, "connection" | "reader" | "sent">,
  hello: Hello,
) {
  yield* write(exchange, hello)
  const ack = yield* next(exchange)
  if (ack._tag === "HelloReject") return yield* rejection(ack)
  if (ack._tag === "Bye") return yield* ended({ _tag: "Bye", bye: ack })
  if (ack._tag !== "HelloAck") return yield* violation(`expected HelloAck, got ${ack._tag}`)
  const problem = ackProblem(ack)
  return problem === undefined ? ack : yield* violation(problem)
})

/** Runs the dialer's side of the handshake. */
export const dial = Effect.fnUntraced(function* <S extends NodeState>(
  host: HandshakeHost<S>,
  exchange: Exchange,
  options: {
    readonly address: Address
    readonly epoch: number
    /** Name of the peer that must answer, if this node knows it. */
    readonly expected: string | undefined
    /** `true` if the application called `join`. */
    readonly join: boolean
    /** `true` to fail with `known` if the peer already has a link. */
    readonly stranger: boolean
  },
) {
  const { connection } = exchange
  const before = host.state()
  const ack = yield* introduce(exchange, {
    _tag: "Hello",
    versionMin: protocolVersion,
    versionMax: protocolVersion,
    label: host.label,
    record: before.self,
    instance: before.instance,
    linkEpoch: options.epoch,
    dialedAddress: options.address,
    ...(options.join ? { join: true } : {}),
    viewHash: host.introductionHash(before),
    window: host.inboxWindowBytes,
    linkTimeout: host.linkTimeout,
  })
  if (isOwnOrOlder(before, ack)) return yield* violation("the peer has this node's name")
  if (options.expected !== undefined && ack.record.name !== options.expected) {
    const message = `expected "${options.expected}" at ${options.address}, but "${ack.record.name}" answered`
    return yield* new HandshakeFailed({ reason: "wrongPeer", message })
  }
  if (options.stranger && host.hasLink(ack.record.name)) {
    const message = `"${ack.record.name}" at ${options.address} already has a link`
    return yield* new HandshakeFailed({ reason: "known", message })
  }
  if (!options.join && host.isDisconnected(ack.record)) return yield* disconnected(ack.record)
  const refusal = host.judgePeer(ack, connection.identity)
  if (refusal !== undefined) {
    // Sends the refusal although this side dialed, because the peer may not know that its clock is wrong.
    yield* write(exchange, refusal)
    yield* connection.end
    return yield* new HandshakeRejected({ code: refusal.code, message: refusal.message, by: "us" })
  }
  const verdict = yield* host.admission(applicant(ack.record, connection))
  if (verdict._tag === "Deny") {
    return yield* new HandshakeRejected({ code: "denied", message: verdict.reason, by: "us" })
  }
  // This node stops only for a process that passes the checks above.
  if (ack.record.name === before.self.name) return yield* meetNamesake(host, exchange, before.self, ack)
  exchange.reader.open()
  const acceptor = { name: ack.record.name, instance: ack.instance }
  const rank = rankOf(shownBy(before), acceptor, acceptor, options.epoch)
  const now = yield* host.refute(ack.youAre)
  if (!goesOn(host, before, now)) return yield* leaving()
  exchange.commit(ack.record, rank)
  yield* write(exchange, readyOf(host, before.self, now, ack.record))
  const ready = yield* awaitReady(exchange, ack.record)
  return established(ack.record, rank, ready, ack)
})

/**
 * Completes the handshake with a newer process of this node's name, which proves that the process is alive (R8). No
 * link follows. This node stops if it has met other peers. Otherwise the dial fails with `duplicate`.
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
  const message = `a newer process named "${self.name}" runs there`
  return yield* new HandshakeRejected({ code: "duplicate", message, by: "us" })
})

/**
 * Completes the acceptor's side of the handshake with a peer that gets no link, and ends the connection. The handshake
 * proves to the peer which process sends the Bye, so that no other process at this address can send it.
 */
const dismiss = Effect.fnUntraced(function* <S extends NodeState>(
  host: HandshakeHost<S>,
  exchange: Exchange,
  self: PeerRecord,
  peer: PeerRecord,
  code: "parted" | "replaced",
) {
  yield* write(exchange, readyOf(host, self, host.state(), peer))
  yield* write(exchange, { _tag: "Bye", code, message: "" })
  yield* exchange.connection.end
})

const disconnected = ({ name }: PeerRecord) =>
  new HandshakeFailed({
    reason: "disconnected",
    message: `this node has disconnected "${name}"; call join to connect the two again`,
  })

/** Returns `true` if the acceptor wrote a last frame that the dialer must receive before the connection closes. */
export const endsWithAnswer = (error: HandshakeError): boolean =>
  error._tag === "HandshakeRejected"
    ? error.by === "us"
    : error._tag === "HandshakeFailed" && (error.reason === "wrongPeer" || error.reason === "disconnected")

/** Returns `true` if this node is running and still in the life in which the handshake began. */
const goesOn = <S extends NodeState>(host: HandshakeHost<S>, before: S, now: S): boolean =>
  host.isRunning(now) && now.self.generation === before.self.generation

const leaving = () =>
  new HandshakeFailed({ reason: "lost", message: "this node is leaving, or began a newer life during the handshake" })

/** Returns the problem of a HelloAck, or `undefined`. */
const ackProblem = (ack: HelloAck): string | undefined => {
  if (ack.version !== protocolVersion) return `version ${ack.version} was not offered`
  if (ack.record.status !== "alive") return "the record of the peer is not alive"
  return ack.window < minWindow ? `a window of ${ack.window} bytes is below the minimum of ${minWindow}` : undefined
}

/** Returns whether the answer is from a process of this node's name that is not newer than this process. */
const isOwnOrOlder = ({ instance, self }: NodeState, ack: HelloAck): boolean =>
  ack.record.name === self.name && compareProcesses(processOf(ack), { generation: self.generation, instance }) <= 0

/** Returns the process of a side of the handshake. */
export const processOf = ({ instance, record }: Pick<Introduction, "record" | "instance">): Process => ({
  generation: record.generation,
  instance,
})

const applicant = (record: PeerRecord, connection: Connection): Admission.Applicant => ({
  name: record.name,
  generation: record.generation,
  metadata: record.body.metadata,
  remoteHost: connection.remoteHost,
  identity: connection.identity,
})

/** Returns a frame that refuses a Hello. */
export const reject = (
  code: RejectCode,
  message: string,
  more?: Pick<HelloReject, "atLeastGeneration" | "retryAfter">,
): HelloReject => ({ _tag: "HelloReject", code, message: clipMessage(message), ...more })

/** Refusal of every new peer when a limit is reached. */
export const busy: HelloReject = reject("busy", "too many connections; try again later", { retryAfter: 1_000 })

/** Runs the acceptor's side of the handshake. `awaitHello` wraps the wait for the first frame. */
export const accept = Effect.fnUntraced(function* <S extends NodeState>(
  host: HandshakeHost<S>,
  exchange: Exchange,
  awaitHello: (first: Effect.Effect<Frame, HandshakeError>) => Effect.Effect<Frame, HandshakeError> = identity,
) {
  const { connection, reader } = exchange
  const hello = yield* awaitHello(next(exchange))
  // A connection that does not begin with Hello gets no answer.
  if (hello._tag !== "Hello") return yield* violation(`expected Hello, got ${hello._tag}`)
  if (hello.record.status !== "alive" || hello.window < minWindow) {
    return yield* violation("the record of the Hello is not alive, or its window is below the minimum")
  }
  let refusal = host.judgeHello(hello, connection.identity)
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
    viewHash: host.introductionHash(before),
    window: host.inboxWindowBytes,
    linkTimeout: host.linkTimeout,
    observedHost: connection.remoteHost.slice(0, maxObservedHostBytes),
    youAre: host.beliefAbout(before, peer),
  })
  const ready = yield* Effect.tapError(awaitReady(exchange, peer), (error) => host.onDialerRefusal(error, before))
  if (peer.name === before.self.name) {
    // An older process of this name. Two processes of one name never have a link.
    if (!host.outlivesNamesake()) return yield* leaving()
    yield* dismiss(host, exchange, before.self, peer, "replaced")
    return yield* new HandshakeFailed({ reason: "wrongPeer", message: "an older process of this node's name dialed" })
  }
  if (hello.join !== true && host.isDisconnected(peer)) {
    yield* dismiss(host, exchange, before.self, peer, "parted")
    return yield* disconnected(peer)
  }
  const now = yield* host.refute(ready.youAre)
  if (!goesOn(host, before, now)) return yield* leaving()
  const dialer = { name: peer.name, instance: hello.instance }
  const rank = rankOf(dialer, shownBy(before), dialer, hello.linkEpoch)
  exchange.commit(peer, rank)
  yield* write(exchange, readyOf(host, before.self, now, peer))
  reader.open()
  return established(peer, rank, ready, hello)
})

const transientCodes = ["busy", "stale"] as const satisfies ReadonlyArray<RejectCode>

/** Returns `true` if another attempt may succeed after a refusal with this code without a change of configuration. */
export const isTransientCode = (code: RejectCode): code is (typeof transientCodes)[number] =>
  transientCodes.some((each) => each === code)

/** Returns `true` if another attempt may succeed without a change of configuration. */
export const isTransient = (error: HandshakeError): boolean =>
  error._tag !== "HandshakeRejected" || isTransientCode(error.code)
