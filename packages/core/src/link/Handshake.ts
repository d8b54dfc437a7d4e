/**
 * The three-way handshake, from both sides: Hello, HelloAck, Ready, Ready. Nothing about a peer is
 * stored before its last frame is here (docs/protocol.md, section "Handshake").
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Address } from "../Address.ts"
import { maxHostLength } from "../internal/hosts.ts"
import type * as Admission from "../Admission.ts"
import type { Hello, HelloAck, HelloReject, Ready, RejectCode, YouAreBelief } from "../protocol/Frame.ts"
import * as Frame from "../protocol/Frame.ts"
import type { Limits } from "../Limits.ts"
import { minWindow } from "../Limits.ts"
import * as State from "../membership/State.ts"
import * as PeerName from "../protocol/PeerName.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { Connection, TransportError } from "../Transport.ts"
import * as ControlFrames from "../wire/ControlFrames.ts"
import * as FrameEncoder from "../wire/FrameEncoder.ts"
import * as Layout from "../wire/Layout.ts"
import * as Traffic from "../wire/Traffic.ts"
import * as ProtocolViolation from "../protocol/ProtocolViolation.ts"
import type { FrameReader, ReadOutcome } from "./FrameReader.ts"
import type { Rank } from "./Link.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"

/** The peer that answered does not want this link, or this node does not want it. */
export class HandshakeRejected extends Schema.TaggedError<HandshakeRejected>()("HandshakeRejected", {
  code: Schema.Literals(Frame.rejectCodes),
  message: Schema.String,
  /** Who said no. */
  by: Schema.Literals(["us", "them"]),
  atLeastGeneration: Schema.optionalKey(Schema.Number),
  /** Time to wait before another attempt, in milliseconds, if the peer asks for it. */
  retryAfter: Schema.optionalKey(Schema.Number),
}) {}

/** The handshake broke off. */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {
  /**
   * `timeout`: not complete in time. `violation`: the other side does not speak this protocol.
   * `wrongPeer`: somebody else lives at the address. `known`: a stranger was looked for, and who answered has a link.
   * `lost`: the connection ended.
   */
  reason: Schema.Literals(["timeout", "violation", "wrongPeer", "known", "lost"]),
  message: Schema.String,
}) {}

export type HandshakeError = HandshakeRejected | HandshakeFailed | TransportError

/** What both sides know when the handshake is complete. */
export interface Established {
  readonly peer: PeerRecord
  readonly rank: Rank
  /** What this side may send before the first Credit. */
  readonly peerWindow: number
  readonly viewHash: bigint
  readonly youAre: YouAreBelief | undefined
  /** Host of this node as the peer sees it, if this node dialed. */
  readonly observedHost: string | undefined
}

/** What a handshake needs of the node. */
export interface Context {
  readonly label: string
  readonly loop: MembershipLoop
  readonly limits: Limits
  readonly admission: Admission.Policy
  /** The counters of this node's own connections that are in the handshake. */
  readonly dialing: ReadonlySet<number>
  /** Whether another link has room. */
  readonly hasRoom: () => boolean
}

/** One connection in the handshake. */
export interface Exchange {
  readonly connection: Connection
  readonly reader: FrameReader
  /** Counts what is written. */
  readonly sent: Traffic.Traffic
  /**
   * Called before this side sends Ready: from now on the other side may count on the connection, and it
   * must not be given up for a better one without a word.
   */
  readonly commit: (peer: PeerRecord, rank: Rank) => void
}

/** Writes a frame and counts it. */
export const write = ({ connection, sent }: Pick<Exchange, "connection" | "sent">, frame: Frame.Frame) =>
  Effect.suspend(() => {
    const bytes = FrameEncoder.encode(frame)
    Traffic.count(sent, Layout.kinds[frame._tag], bytes.length)
    return connection.write([bytes])
  })

/** Characters of a peer's text that an error or a line of the log repeats. */
const maxQuote = 200

/** A peer's text as an error or a line of the log may repeat it. */
export const quote = (text: string): string => ProtocolViolation.clip(text, maxQuote)

const violation = (message: string) => new HandshakeFailed({ reason: "violation", message })

const ended = (end: ReadOutcome): HandshakeFailed => {
  switch (end._tag) {
    case "Violation":
      return violation(`the other side does not speak this protocol: ${end.error.message}`)
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

/** Tells the membership what the other side believes about this node, so that it refutes before Ready. */
const heed = (loop: MembershipLoop, youAre: YouAreBelief | undefined) =>
  youAre === undefined ? Effect.sync(loop.state) : loop.submitAndAwait({ _tag: "Accused", youAre })

/** What a refusal of the other side means for this node as a whole: its generation is behind, or is over (R8, R9). */
export const heedRefusal = (loop: MembershipLoop, error: HandshakeError): Effect.Effect<void> => {
  if (error._tag !== "HandshakeRejected" || error.by === "us") return Effect.void
  if (error.code === "stale" && error.atLeastGeneration !== undefined) {
    return Effect.asVoid(loop.submitAndAwait({ _tag: "Stale", atLeastGeneration: error.atLeastGeneration }))
  }
  return error.code === "evicted" ? Effect.asVoid(loop.submitAndAwait({ _tag: "Evict" })) : Effect.void
}

/**
 * The peer pairs this incarnation with the body that it was shown before. If the application changed the body since,
 * the incarnation is that of the body that was shown, and the new one follows as an Update.
 */
const readyOf = (shown: PeerRecord, state: State.State, peer: PeerRecord): Ready => ({
  _tag: "Ready",
  incarnation: state.self.body === shown.body ? state.self.incarnation : shown.incarnation,
  viewHash: state.viewHash,
  youAre: State.belief(state, peer.name, peer.generation),
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
  peerWindow: number,
  ready: Ready,
  observedHost?: string,
): Established => ({
  peer: { ...peer, incarnation: ready.incarnation },
  rank,
  peerWindow,
  viewHash: ready.viewHash,
  youAre: ready.youAre,
  observedHost,
})

const rankOf = (dialer: string, acceptor: string, epoch: number): Rank => ({
  epoch,
  byLower: PeerName.compareNames(dialer, acceptor) < 0,
})

/** The dialer's side. `expected` is the name that must answer, if one is known. */
export const dial = Effect.fnUntraced(function* (
  context: Context,
  exchange: Exchange,
  options: {
    readonly address: Address
    readonly epoch: number
    readonly expected: string | undefined
    readonly join: boolean
    /** Whether nobody is wanted who has a link. */
    readonly stranger: boolean
  },
) {
  const { connection } = exchange
  const { loop } = context
  const before = loop.state()
  yield* write(exchange, {
    _tag: "Hello",
    versionMin: Frame.protocolVersion,
    versionMax: Frame.protocolVersion,
    label: context.label,
    record: before.self,
    linkEpoch: options.epoch,
    dialedAddress: options.address,
    ...(options.join ? { join: true } : {}),
    viewHash: before.viewHash,
    window: context.limits.inboxWindow,
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
  if (options.stranger && loop.state().members.get(ack.record.name)?.link === "up") {
    const message = `"${ack.record.name}", which lives at ${options.address}, has a link`
    return yield* new HandshakeFailed({ reason: "known", message })
  }
  const past = outdated(loop.state(), ack.record)
  if (past !== undefined) {
    // It may not know that its clock is behind, so it is told, whichever side dialed.
    yield* write(exchange, past)
    yield* connection.end
    return yield* new HandshakeRejected({ code: past.code, message: past.message, by: "us" })
  }
  const verdict = yield* context.admission(applicant(ack.record, connection))
  if (verdict._tag === "Deny") {
    return yield* new HandshakeRejected({ code: "denied", message: verdict.reason, by: "us" })
  }
  exchange.reader.open()
  const rank = rankOf(before.self.name, ack.record.name, options.epoch)
  const state = yield* heed(loop, ack.youAre)
  if (state.phase._tag !== "Running" || state.self.generation !== before.self.generation) {
    return yield* new HandshakeFailed({ reason: "lost", message: "this node is leaving" })
  }
  exchange.commit(ack.record, rank)
  yield* write(exchange, readyOf(before.self, state, ack.record))
  const ready = yield* awaitReady(exchange, ack.record)
  return established(ack.record, rank, ack.window, ready, ack.observedHost)
})

const ackProblem = (state: State.State, ack: HelloAck): string | undefined => {
  if (ack.version !== Frame.protocolVersion) return `version ${ack.version} was not offered`
  if (ack.record.status !== "alive") return "the peer says it is not alive"
  if (ack.record.name === state.self.name) return "the peer has this node's name"
  return ack.window < minWindow ? `a window of ${ack.window} bytes is too small` : undefined
}

const applicant = (record: PeerRecord, connection: Connection): Admission.Applicant => ({
  name: record.name,
  generation: record.generation,
  metadata: record.body.metadata,
  remoteHost: connection.remoteHost,
})

const reject = (code: RejectCode, message: string, more?: Partial<HelloReject>): HelloReject => ({
  _tag: "HelloReject",
  code,
  message: ControlFrames.clipMessage(message),
  ...more,
})

/** What is answered to everybody when a cap is reached. */
export const busy: HelloReject = reject("busy", "too many connections; try again later", { retryAfter: 1_000 })

/**
 * Why a life of a peer is refused that is over, as far as this node knows (R8, R9). Hearsay of a newer one counts: to a peer
 * whose clock was set back before its restart the first that it meets says so, and a higher generation costs nothing.
 */
const outdated = (state: State.State, { generation, name }: PeerRecord): HelloReject | undefined => {
  const newest = Math.max(State.newestLife(state, name), state.candidates.get(name)?.record.generation ?? 0)
  if (generation < newest) {
    const atLeastGeneration = Math.min(newest + 1, PeerName.maxGeneration)
    return reject("stale", "a newer life of this name is known", { atLeastGeneration })
  }
  return State.tombstoneOfLeft(state, { name, generation }) !== undefined
    ? reject("evicted", "this generation has left the cluster")
    : undefined
}

/** Why a Hello is refused, by all that is known without the admission policy; `undefined` if it is not. */
export const judge = (context: Context, hello: Hello): HelloReject | undefined => {
  const state = context.loop.state()
  const { generation, name } = hello.record
  if (hello.label !== context.label) {
    return reject("label", `this is the cluster "${context.label}"`)
  }
  if (hello.versionMin > Frame.protocolVersion || hello.versionMax < Frame.protocolVersion) {
    return reject("version", `this node speaks version ${Frame.protocolVersion}`)
  }
  if (state.phase._tag !== "Running") return reject("busy", "this node is leaving", { retryAfter: 1_000 })
  if (name === state.self.name) {
    return generation === state.self.generation && context.dialing.has(hello.linkEpoch)
      ? reject("self", "a node cannot join itself")
      : reject("duplicate", `this node is "${name}" and lives; give every peer a name of its own`)
  }
  const past = outdated(state, hello.record)
  if (past !== undefined) return past
  const member = state.members.get(name)
  if (member?.disconnected === true && member.record.generation === generation && hello.join !== true) {
    return reject("parted", "this node has parted from the peer; join it to come together again")
  }
  return context.hasRoom() || member !== undefined ? undefined : busy
}

/** The acceptor's side. */
export const accept = Effect.fnUntraced(function* (context: Context, exchange: Exchange) {
  const { connection, reader } = exchange
  const hello = yield* next(exchange)
  // To a stranger that does not say Hello nothing is said.
  if (hello._tag !== "Hello") return yield* violation(`expected Hello, got ${hello._tag}`)
  if (hello.record.status !== "alive" || hello.window < minWindow) return yield* violation("a Hello that cannot be")
  let refusal = judge(context, hello)
  if (refusal === undefined) {
    const verdict = yield* context.admission(applicant(hello.record, connection))
    if (verdict._tag === "Deny") refusal = reject("denied", verdict.reason)
  }
  if (refusal !== undefined) {
    yield* write(exchange, refusal)
    yield* connection.end
    return yield* new HandshakeRejected({ code: refusal.code, message: refusal.message, by: "us" })
  }
  const peer = hello.record
  const before = context.loop.state()
  yield* write(exchange, {
    _tag: "HelloAck",
    version: Frame.protocolVersion,
    record: before.self,
    viewHash: before.viewHash,
    window: context.limits.inboxWindow,
    observedHost: connection.remoteHost.slice(0, maxHostLength),
    youAre: State.belief(before, peer.name, peer.generation),
  })
  // A node that just starts may hear first from who dials it that its generation is behind. Later its members say so, and
  // who is none must not end it.
  const ready = yield* Effect.tapError(awaitReady(exchange, peer), (error) =>
    context.loop.state().members.size === 0 ? heedRefusal(context.loop, error) : Effect.void,
  )
  const state = yield* heed(context.loop, ready.youAre)
  if (state.phase._tag !== "Running" || state.self.generation !== before.self.generation) {
    return yield* new HandshakeFailed({ reason: "lost", message: "this node is leaving" })
  }
  const rank = rankOf(peer.name, state.self.name, hello.linkEpoch)
  exchange.commit(peer, rank)
  yield* write(exchange, readyOf(before.self, state, peer))
  reader.open()
  return established(peer, rank, hello.window, ready)
})

const transientCodes = ["busy", "stale", "evicted", "parted"] as const satisfies ReadonlyArray<RejectCode>

/** Whether a refusal with this code may be none the next time, without anybody changing a configuration. */
export const isTransientCode = (code: RejectCode): code is (typeof transientCodes)[number] =>
  transientCodes.some((each) => each === code)

/** Whether trying again can help without anybody changing a configuration. */
export const isTransient = (error: HandshakeError): boolean =>
  error._tag !== "HandshakeRejected" || isTransientCode(error.code)
