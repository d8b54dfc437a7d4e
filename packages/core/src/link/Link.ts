/**
 * Live connection to one peer after its handshake (docs/protocol.md, section "Links"). The {@link LinkReader} reads and
 * dispatches frames, the {@link LinkWriter} writes control frames before data, and {@link KeepAlive} has the times. The
 * lanes of `flow/` hold the messages. This module creates the parts and ends them together.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as ReceiveLane from "../flow/ReceiveLane.ts"
import type * as ReceiveLanes from "../flow/ReceiveLanes.ts"
import type { SendLane } from "../flow/SendLane.ts"
import type * as SendLanes from "../flow/SendLanes.ts"
import type { Slowness } from "../flow/Slowness.ts"
import type { Limits } from "../Limits.ts"
import { maxLanes } from "../protocol/constants.ts"
import type { ByeCode, ControlFrame, MembershipFrame, Ping, Pong } from "../protocol/Frame.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { Connection, Identity } from "../Transport.ts"
import type { Traffic } from "../wire/Traffic.ts"
import type { FrameReader } from "./FrameReader.ts"
import type { Host as TimesHost, Timing } from "./KeepAlive.ts"
import { KeepAlive } from "./KeepAlive.ts"
import type { LinkEnd } from "./LinkEnd.ts"
import { isMoved } from "./LinkEnd.ts"
import type { Host as ReaderHost } from "./LinkReader.ts"
import { LinkReader } from "./LinkReader.ts"
import type { LinkTimer } from "./LinkTimer.ts"
import { LinkWriter } from "./LinkWriter.ts"
import type { AgedSummary } from "./RoundTripTime.ts"
import type { Session } from "./Session.ts"
import type { WriteBuffers } from "./WriteBuffers.ts"

/**
 * Rank of a connection. Of two connections of one pair, the one with the greater rank stays (docs/protocol.md,
 * "Simultaneous connections").
 */
export interface Rank {
  /** Instance that the peer showed in the handshake. Connections to two processes of one life are not a pair. */
  readonly instance: number
  /**
   * Instances that both sides showed in the handshake: that of the lower name, then that of the higher name. Each side
   * may take a greater instance later, and then both still compute this rank.
   */
  readonly instances: readonly [lower: number, higher: number]
  /** Epoch of the connection, a counter of the dialer. It is greater than every epoch that the dialer knew before. */
  readonly epoch: number
  /** `true` if the peer with the lower name dialed the connection. */
  readonly byLower: boolean
}

/** Compares the ranks of two connections between the same two lives. Both sides get the same result. */
export const compareRanks = (a: Rank, b: Rank): number =>
  a.instances[0] - b.instances[0] ||
  a.instances[1] - b.instances[1] ||
  a.epoch - b.epoch ||
  Number(a.byLower) - Number(b.byLower)

/** Callbacks of a link. No callback may wait for the application. */
export interface Hooks {
  /**
   * Returns the tolerated silence in milliseconds: the link timeout, and more while this node distrusts its own timing.
   */
  readonly effectiveLinkTimeout: () => number
  /**
   * Reports that all control frames after {@link Link.answer} are written, and that the rate allows the next answer.
   */
  readonly onAnswerWritten: (link: Link) => Effect.Effect<void>
  /** Reports that something arrived after {@link Link.pingNow}. */
  readonly onHeard: (link: Link) => Effect.Effect<void>
  /** Handles a membership frame with the cost of `controlCost`. May wait for the membership. */
  readonly onMembership: (link: Link, frame: MembershipFrame, cost: number) => Effect.Effect<void>
  /** Handles the view hash of a Ping or Pong. */
  readonly onViewHash: (link: Link, viewHash: bigint) => Effect.Effect<void>
  /** Reports that the peer has opened a lane. */
  readonly onLaneOpened: (link: Link, lane: SendLane) => void
  /** Reports that the peer has closed a lane. */
  readonly onLaneClosed: (link: Link, lane: SendLane) => void
  /** Returns the sink of a lane. Called once per opened lane. */
  readonly sinkOf: (name: string) => ReceiveLanes.Deliver
  /** Returns the current view hash of this node. */
  readonly viewHash: () => bigint
  /** Returns `true` if this node watches the peer, or the peer watches this node. */
  readonly isWatched: (link: Link) => boolean
  /** Reports a measured round-trip time, in milliseconds. */
  readonly onRoundTrip: (link: Link, millis: number) => void
}

/** Constructors of the lanes of a link. Tests may replace them. */
export interface LaneFactories {
  readonly makeReceiveLane: (options: ReceiveLane.Options) => ReceiveLane.ReceiveLane
  readonly makeReceiveLanes: (options: ReceiveLanes.Options) => ReceiveLanes.ReceiveLanes
  readonly makeSendLanes: (options: SendLanes.Options) => SendLanes.SendLanes
}

/** Measurements of a link at one time. */
export interface Gauges {
  /** Number of control frames that wait to be written. */
  readonly control: number
  /** Upper bound of the bytes of these frames. */
  readonly controlBytes: number
  /** Bytes of messages that wait to be written. */
  readonly data: number
  /** Bytes of the inbox window that the peer has used and this side has not granted again. */
  readonly inbox: number
  /** Bytes of the window of the fullest other lane that the peer has used and this side has not granted again. */
  readonly lane: number
  /** Smoothed round-trip time in milliseconds; `undefined` before the first measurement. */
  readonly rtt: number | undefined
  /** Delay of this side's timer, in milliseconds. */
  readonly lag: number
  /** Time between two Pings of the link at present, in milliseconds. */
  readonly heartbeat: number
  /** Time at which the last bytes arrived, on the monotonic clock. */
  readonly lastHeard: number
  /** Time since which this side misses a sign of life of the peer: the current time while it misses none. */
  readonly missingSince: number
  /** Last view hash that the peer sent. */
  readonly viewHash: bigint
  /** Delay of the peer's timers as the peer last reported it, in milliseconds; `undefined` before its first heartbeat. */
  readonly peerLag: number | undefined
  /** Bytes that have arrived since the handshake. */
  readonly bytesIn: number
  /** Bytes that the network has accepted since the handshake. */
  readonly bytesOut: number
}

export interface Options {
  readonly connection: Connection
  readonly reader: FrameReader
  /** Record of the peer from its handshake. */
  readonly peer: PeerRecord
  readonly rank: Rank
  /** `true` if this node dialed the connection. */
  readonly dialed: boolean
  /** Host of this node as the peer sees it; `undefined` if the peer dialed. */
  readonly observedHost: string | undefined
  /** `true` if this side sends the Pings. */
  readonly drives: boolean
  /** Window of the peer's inbox from the handshake, in bytes. */
  readonly peerWindow: number
  /** Silence after which the peer ends the link, in milliseconds. */
  readonly peerLinkTimeout: number
  /** View hash of the peer from its handshake. */
  readonly viewHash: bigint
  /** Counters of the written frames. */
  readonly sent: Traffic
  readonly buffers: WriteBuffers
  readonly limits: Limits
  readonly lanes: LaneFactories
  /** Returns the current session of the link. */
  readonly session: () => Session
  readonly timing: Timing
  /** Timer of the node. */
  readonly timer: LinkTimer
  readonly hooks: Hooks
}

/** Link to one peer. */
export class Link {
  /** Record of the peer from its handshake. */
  readonly peer: PeerRecord
  readonly rank: Rank
  /** Proof of the peer, as the transport reports it. */
  readonly identity: Identity | undefined
  /** `true` if this node dialed the connection. */
  readonly dialed: boolean
  /** Host of the peer, as the transport reports it. */
  readonly remoteHost: string
  /** Host of this node as the peer sees it; `undefined` if the peer dialed. */
  readonly observedHost: string | undefined
  /** Time at which the link came up, on the monotonic clock. */
  readonly openedAt: number
  /** Returns the current session of the link. */
  readonly session: () => Session
  /** Lane to the peer's inbox. */
  readonly inbox: SendLane
  private readonly options: Options
  private readonly writer: LinkWriter
  private readonly reader: LinkReader
  private readonly keepAlive: KeepAlive
  private readonly sendLanes: SendLanes.SendLanes
  private readonly receiveLanes: ReceiveLanes.ReceiveLanes
  /** Bytes of the handshake that arrived. */
  private readonly handshakeBytes: number

  constructor(options: Options) {
    this.options = options
    this.peer = options.peer
    this.rank = options.rank
    this.identity = options.connection.identity
    this.dialed = options.dialed
    this.remoteHost = options.connection.remoteHost
    this.observedHost = options.observedHost
    this.handshakeBytes = options.reader.bytes
    this.session = options.session
    this.writer = this.makeWriter((at) => this.keepAlive.used(at))
    this.sendLanes = this.writer.lanes
    this.inbox = this.sendLanes.inbox
    this.receiveLanes = this.makeReceiveLanes()
    this.openedAt = this.now()
    const parts = new LinkParts(this, options.hooks, this.writer, this.receiveLanes)
    this.reader = this.makeReader(parts)
    this.keepAlive = this.makeKeepAlive(parts)
    parts.connect(this.reader, this.keepAlive)
    options.reader.onBytes(() => {
      const at = options.timer.now()
      this.reader.heard(at)
      this.keepAlive.heard(at)
    })
  }

  /** Queues a control frame before all data. */
  send(frame: ControlFrame): void {
    this.writer.send(frame)
  }

  /** Queues an answer as a control frame. The hook `onAnswerWritten` requests the next answer. */
  answer(frame: ControlFrame): void {
    this.writer.answer(frame)
  }

  /**
   * Returns the lane that the peer reads under this name. Returns `undefined` if the peer reads none, or has not listed
   * its lanes yet.
   */
  lane(name: string): SendLane | undefined {
    return this.sendLanes.lane(name)
  }

  /**
   * Waits until the peer has listed its lanes or the link has ended. Returns `undefined` if the peer has already listed
   * them.
   */
  lanesKnown(): Effect.Effect<void> | undefined {
    return this.sendLanes.isKnown() ? undefined : this.sendLanes.known
  }

  /** Mark that a send timed out while it waited for the list of the peer's lanes. */
  get listing(): Slowness {
    return this.sendLanes.listing
  }

  /** Opens lanes, so that the peer may send messages on them. */
  openLanes(lanes: Iterable<ReceiveLanes.ReadLane>): void {
    // Without this limit a peer that never answers LaneClose would exhaust the lane numbers before the next timer ends
    // the link.
    if (hasTooManyClosing(this.receiveLanes)) this.writer.overflow()
    else this.receiveLanes.open(lanes)
  }

  /** Closes the lane of this name. */
  closeLane(name: string): void {
    this.receiveLanes.close(name)
  }

  /** Sends a Ping. The hook `onHeard` reports the next bytes of the peer. */
  pingNow(): void {
    if (this.reader.expectAnswer()) this.keepAlive.ping()
  }

  /** Returns the time since the last bytes arrived, in milliseconds. */
  heardAgo(): number {
    return this.now() - this.reader.lastHeard
  }

  /**
   * Returns the smoothed round-trip time in milliseconds. If the last sample is old, waits for a new Ping and Pong, for
   * at most the link timeout. Returns `undefined` without any sample.
   */
  measureRtt(): Effect.Effect<number | undefined> {
    return this.keepAlive.roundTrip.measure()
  }

  /** Returns the summary of the newest round-trip times, or `undefined` without any sample. */
  roundTrips(): AgedSummary | undefined {
    return this.keepAlive.roundTrip.summary()
  }

  /** Sends a Ping, and waits for a silent peer for a shorter time from now on, because this node stops. */
  part(): void {
    this.keepAlive.part()
  }

  /** Ends the link: writes all accepted frames, then a Bye. */
  close(code: ByeCode, message: string): void {
    this.writer.close(code, message)
  }

  /** Ends the link at once with Bye `slow`, because the peer does not end it. Drops the waiting frames. */
  cut(): void {
    this.keepAlive.end(cutEnd)
  }

  /** Returns `true` if the link accepts messages. */
  isOpen(): boolean {
    return this.sendLanes.state() === "open"
  }

  /** Returns the measurements of the link. */
  gauges(): Gauges {
    return {
      control: this.writer.queued(),
      controlBytes: this.writer.queuedBytes(),
      data: this.sendLanes.size(),
      inbox: this.receiveLanes.used(),
      lane: this.receiveLanes.usedMost(),
      rtt: this.keepAlive.roundTrip.value,
      lag: this.keepAlive.lag(),
      heartbeat: this.keepAlive.currentInterval,
      lastHeard: this.reader.lastHeard,
      missingSince: this.keepAlive.missingSince,
      viewHash: this.reader.viewHash,
      peerLag: this.reader.peerLag,
      bytesIn: this.options.reader.bytes - this.handshakeBytes,
      bytesOut: this.writer.written(),
    }
  }

  /**
   * Runs the link until the connection may be closed. Calls `onEnd` with the end of the link before the last bytes are
   * written.
   */
  run(onEnd: (end: LinkEnd) => Effect.Effect<void>): Effect.Effect<void> {
    return Link.runAll(this, onEnd)
  }

  private static readonly runAll = Effect.fnUntraced(function* (
    link: Link,
    onEnd: (end: LinkEnd) => Effect.Effect<void>,
  ) {
    const { keepAlive, sendLanes, writer } = link
    const { limits, reader } = link.options
    const writing = yield* Effect.forkChild(writer.run())
    writing.addObserver(() => keepAlive.noteWritten())
    const reading = yield* Effect.forkChild(link.reader.run())
    reading.addObserver((exit) => keepAlive.end(exit))
    const end = yield* keepAlive.run()
    yield* Fiber.interrupt(reading)
    const moved = isMoved(end)
    if (link.isOpen()) sendLanes.stop(moved ? "moved" : "closed")
    sendLanes.end()
    keepAlive.roundTrip.end()
    yield* onEnd(end)
    // Messages accepted for a lost peer cannot reach it. A peer that moved still reads to the end.
    if (!moved) writer.discard()
    link.sayBye(end)
    // A node that stops has waited long enough for a silent peer. The system delivers what it takes at once.
    if (keepAlive.isParting && end._tag === "Silent") return yield* Effect.yieldNow
    // Discards further frames until the peer has ended its side too.
    const discard = Effect.ignore(Effect.forever(reader.batch))
    yield* Effect.ignore(
      Effect.timeoutOption(
        Effect.andThen(Fiber.await(writing), () => discard),
        moved ? link.readTimeout : limits.linger,
      ),
    )
  })

  /** Ends the writing half with the Bye for this end of the link. */
  private sayBye(end: LinkEnd): void {
    switch (end._tag) {
      case "ProtocolViolation":
        return this.close(end.code, end.message)
      case "Silent":
        return this.close("silent", `no bytes arrived for ${Math.round(this.keepAlive.silentFor(this.now()))} ms`)
      case "Slow":
        return this.close("slow", end.message)
      case "Overstayed":
        return this.close("parted", "the peer sent Leave and did not end the link")
      default:
        // The Bye tells the peer that everything arrived. Without it the peer would count the rest as lost.
        return isMoved(end) ? this.close("duplicate", "") : this.writer.finish(undefined)
    }
  }

  private now(): number {
    return this.options.timer.now()
  }

  /** Time for which this side reads after it has written its last bytes, at least a round trip. */
  private get readTimeout(): number {
    const { limits, timing } = this.options
    return Math.max(limits.linger, timing.linkTimeout)
  }

  private makeWriter(onUse: (at: number) => void): LinkWriter {
    const { buffers, connection, hooks, lanes, limits, peerWindow, sent, timer } = this.options
    return new LinkWriter({
      onAnswerWritten: () => hooks.onAnswerWritten(this),
      onUse,
      connection,
      buffers,
      limits,
      sent,
      now: timer.now,
      makeSendLanes: (wake) =>
        lanes.makeSendLanes({
          window: peerWindow,
          limit: limits.outboxBytes,
          wake,
          onOpened: (lane) => hooks.onLaneOpened(this, lane),
          onClosed: (lane) => hooks.onLaneClosed(this, lane),
        }),
      acknowledgements: () => this.receiveLanes.acknowledgements(),
    })
  }

  private makeReceiveLanes(): ReceiveLanes.ReceiveLanes {
    const { hooks, lanes, limits } = this.options
    return lanes.makeReceiveLanes({
      makeReceiveLane: lanes.makeReceiveLane,
      inboxWindowBytes: limits.inboxWindowBytes,
      laneWindowBytes: limits.laneWindowBytes,
      messageBytes: limits.messageBytes,
      send: this.writer.send,
      wake: this.writer.wake,
      sinkOf: (name) => hooks.sinkOf(name),
    })
  }

  private makeKeepAlive(host: LinkParts): KeepAlive {
    const { drives, peerLinkTimeout, timer, timing } = this.options
    const { readTimeout } = this
    return new KeepAlive({ timer, timing, peerLinkTimeout, drives, readTimeout, host })
  }

  private makeReader(host: LinkParts): LinkReader {
    const { limits, peer, reader, timer, viewHash } = this.options
    return new LinkReader({
      frames: reader,
      receiveLanes: this.receiveLanes,
      sendLanes: this.sendLanes,
      limits,
      generation: peer.generation,
      viewHash,
      now: timer.now,
      host,
    })
  }
}

/** Ends the link from a fiber that must not run the fiber of the link. */
const cutEnd: Effect.Effect<LinkEnd> = Effect.as(Effect.yieldNow, {
  _tag: "Slow",
  message: "a newer connection replaced this one, and the peer did not end it",
})

/** Parts of a link as its reader and its times see them. */
class LinkParts implements ReaderHost, TimesHost {
  private readonly link: Link
  private readonly hooks: Hooks
  private readonly writer: LinkWriter
  private readonly receiveLanes: ReceiveLanes.ReceiveLanes
  private reader: LinkReader | undefined
  private keepAlive: KeepAlive | undefined

  constructor(link: Link, hooks: Hooks, writer: LinkWriter, receiveLanes: ReceiveLanes.ReceiveLanes) {
    this.link = link
    this.hooks = hooks
    this.writer = writer
    this.receiveLanes = receiveLanes
  }

  /** Sets the parts that this object connects. */
  connect(reader: LinkReader, keepAlive: KeepAlive): void {
    this.reader = reader
    this.keepAlive = keepAlive
  }

  send(frame: ControlFrame): void {
    this.writer.send(frame)
  }

  viewHash(): bigint {
    return this.hooks.viewHash()
  }

  // ---- of the reader

  answer(ping: Ping): void {
    this.keepAlive?.answer(ping)
  }

  onPong({ seq }: Pong): void {
    if (this.reader !== undefined) this.keepAlive?.roundTrip.received(seq, this.reader.lastHeard)
  }

  onAnswer(): Effect.Effect<void> {
    return this.hooks.onHeard(this.link)
  }

  onMembership(frame: MembershipFrame, cost: number): Effect.Effect<void> {
    return this.hooks.onMembership(this.link, frame, cost)
  }

  onViewHash(viewHash: bigint): Effect.Effect<void> {
    return this.hooks.onViewHash(this.link, viewHash)
  }

  // ---- of the times

  effectiveLinkTimeout(): number {
    return this.hooks.effectiveLinkTimeout()
  }

  isWatched(): boolean {
    return this.hooks.isWatched(this.link)
  }

  isAwaited(): boolean {
    return this.writer.isWriting() || this.writer.lanes.isAwaited()
  }

  bytesUsed(): number {
    return this.reader?.bytesUsed ?? 0
  }

  lastWritten(): number {
    return this.writer.lastWritten()
  }

  excuseWrite(late: number, at: number): void {
    this.writer.excuse(late, at)
  }

  isSlow(at: number): boolean {
    return hasTooManyClosing(this.receiveLanes) || this.writer.isStuck(at)
  }

  leavingSince(): number | undefined {
    return this.reader?.leavingSince
  }

  onRoundTrip(millis: number): void {
    this.hooks.onRoundTrip(this.link, millis)
  }
}

const hasTooManyClosing = (lanes: ReceiveLanes.ReceiveLanes): boolean => lanes.closing() > maxLanes
