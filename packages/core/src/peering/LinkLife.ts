/**
 * Life of one connection: the handshake, the link, and the reports to the membership when the link comes up and ends
 * (docs/protocol.md, sections "Handshake" and "Links").
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Address } from "../Address.ts"
import type { Source } from "../Entropy.ts"
import type { Deliver, ReadLane } from "../flow/ReceiveLanes.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import type { SendLane } from "../flow/SendLane.ts"
import type { Limits } from "../Limits.ts"
import { FrameReader } from "../link/FrameReader.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Timing } from "../link/KeepAlive.ts"
import type { Hooks, LaneFactories, Rank } from "../link/Link.ts"
import { Link } from "../link/Link.ts"
import type { LinkEnd } from "../link/LinkEnd.ts"
import { isMoved } from "../link/LinkEnd.ts"
import type { LinkObserver } from "../link/LinkObserver.ts"
import type { LinkTimer } from "../link/LinkTimer.ts"
import type { WriteBuffers } from "../link/WriteBuffers.ts"
import * as State from "../membership/State.ts"
import type { MembershipFrame } from "../protocol/Frame.ts"
import { compareNames } from "../protocol/PeerName.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { Connection } from "../Transport.ts"
import type { EpochCounter } from "./EpochCounter.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import { hostOf, type ObservedHosts } from "./ObservedHosts.ts"
import type { PeerConnection, Sink } from "./PeerConnection.ts"
import type { PeerConnections } from "./PeerConnections.ts"
import type { Watchers } from "./Watchers.ts"

/** Observer of the lanes that peers read. Never waits. */
export interface LaneObserver {
  readonly opened: (link: Link, lane: SendLane) => void
  readonly closed: (link: Link, lane: SendLane) => void
  /** Called when the link in use with a peer changes. */
  readonly changed: () => void
}

/** Dependencies that all connections of a node share. */
export interface LinkContext {
  readonly loop: MembershipLoop
  readonly connections: PeerConnections
  readonly epochs: EpochCounter
  readonly limits: Limits
  /** `true` to free the memory of received bytes without the garbage collector. */
  readonly detachBuffers: boolean
  readonly timing: Timing
  /** Timer of all links. */
  readonly timer: LinkTimer
  /** Members that this node watches. */
  readonly watchers: Pick<Watchers, "has">
  readonly clock: Clock
  readonly buffers: WriteBuffers
  readonly observer: LinkObserver
  /** Constructors of the lanes of a link. */
  readonly laneFactories: LaneFactories
  /** Returns the receiver of a lane's messages. Called once per lane that a link opens. */
  readonly sinkOf: (name: string) => Sink
  /** Returns the lanes that the application currently reads. */
  readonly lanes: () => Iterable<ReadLane>
  /** Observer of the lanes that peers open and close. */
  readonly laneObserver: LaneObserver
  /** Hosts under which peers see this node. */
  readonly observedHosts: ObservedHosts
  readonly log: LogBudget
  readonly entropy: Source
  /**
   * Replaces a link by another connection to the peer. `dialed` is the address under which this node dialed the link;
   * `undefined` if the peer dialed.
   */
  readonly renew: (link: Link, dialed: Address | undefined) => Effect.Effect<void>
}

/** Handshake of one side. */
export type Shake = (exchange: Handshake.Exchange) => Effect.Effect<Handshake.Established, Handshake.HandshakeError>

export class LinkLife implements Hooks {
  private readonly context: LinkContext
  private readonly connection: Connection
  private readonly reader: FrameReader
  /** Dialed address; `undefined` for a connection that the peer dialed. */
  private readonly address: Address | undefined
  /** Set by the handshake before this side sends Ready, after which the peer may rely on the connection. */
  private peerConnection: PeerConnection | undefined

  constructor(context: LinkContext, connection: Connection, address: Address | undefined) {
    this.context = context
    this.connection = connection
    this.address = address
    this.reader = new FrameReader(connection, context.observer.received, context.detachBuffers)
  }

  /** Runs the handshake and then the link, until the connection may be closed. Calls `onUp` when the link is up. */
  run(shake: Shake, onUp: (link: Link) => void): Effect.Effect<void, Handshake.HandshakeError> {
    return Effect.ensuring(LinkLife.handshakeAndLink.call(this, shake, onUp), this.settle())
  }

  private static readonly handshakeAndLink = Effect.fnUntraced(function* (
    this: LinkLife,
    shake: Shake,
    onUp: (link: Link) => void,
  ) {
    const { connections, lanes, loop, observer } = this.context
    const established = yield* shake({
      connection: this.connection,
      reader: this.reader,
      sent: observer.sent,
      commit: this.commit,
    })
    const { peerConnection } = this
    if (peerConnection === undefined) return
    const hint = this.noteObservedHost(established)
    if (hint !== undefined) {
      const { generation, name } = established.peer
      yield* Effect.annotateLogs(Effect.logInfo(hint), { peer: name, generation })
    }
    const link = this.makeLink(peerConnection, established)
    const closeCode = connections.comeUp(peerConnection, link)
    // The peer already relies on the link, so this side ends it with a Bye.
    if (closeCode !== undefined) link.close(closeCode, "")
    // The list of lanes is the first frame, even if it is empty, because the peer knows the lanes only after it.
    else link.openLanes(lanes())
    if (closeCode === undefined && connections.install(peerConnection, link)) {
      // The membership handles the peer before the application can receive a message from it.
      const { peer, viewHash, youAre } = established
      yield* loop.submitAndAwait({ _tag: "LinkUp", record: peer, address: this.address, viewHash, youAre })
    }
    connections.begin(peerConnection)
    Deferred.doneUnsafe(peerConnection.settled, Effect.void)
    onUp(link)
    const { renewal } = this.connection
    if (renewal !== undefined) {
      // The end of the connection interrupts the renewal.
      yield* Effect.forkChild(Effect.andThen(renewal, () => this.context.renew(link, this.address)))
    }
    yield* link.run((end) =>
      Effect.suspend(() => {
        observer.ended(link, end)
        const ended = this.uninstall(peerConnection, end)
        connections.retire(peerConnection, isMoved(end))
        return ended
      }),
    )
  })

  /** Releases all state of the connection, whatever ended it. */
  private settle(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { peerConnection } = this
      if (peerConnection === undefined) return Effect.void
      const ended = peerConnection.isFinished ? Effect.void : this.uninstall(peerConnection, undefined)
      this.context.connections.retire(peerConnection, false)
      Deferred.doneUnsafe(peerConnection.settled, Effect.void)
      Deferred.doneUnsafe(peerConnection.done, Effect.void)
      return ended
    })
  }

  private readonly commit = (peer: PeerRecord, rank: Rank): void => {
    // A connection that either side dials later must have a greater rank.
    this.context.epochs.follow(rank.epoch)
    this.peerConnection = this.context.connections.commit(peer, rank)
  }

  /** Records the host under which the peer sees this node. Returns the text of a log line, if one is due. */
  private noteObservedHost({ observedHost }: Handshake.Established): string | undefined {
    const { loop, observedHosts } = this.context
    return observedHost === undefined ? undefined : observedHosts.note(observedHost, loop.state().self.body.addresses)
  }

  private makeLink(peerConnection: PeerConnection, established: Handshake.Established): Link {
    const { buffers, laneFactories, limits, loop, observer, timer, timing } = this.context
    return new Link({
      connection: this.connection,
      reader: this.reader,
      peer: established.peer,
      rank: established.rank,
      dialed: this.address !== undefined,
      observedHost: established.observedHost === undefined ? undefined : hostOf(established.observedHost),
      drives: compareNames(loop.state().self.name, established.peer.name) < 0,
      peerWindow: established.peerWindow,
      peerLinkTimeout: established.peerLinkTimeout,
      viewHash: established.viewHash,
      sent: observer.sent,
      buffers,
      limits,
      lanes: laneFactories,
      session: () => peerConnection.session,
      timing,
      timer,
      hooks: this,
    })
  }

  // ---- callbacks of the link

  onRoundTrip(link: Link, millis: number): void {
    this.context.observer.measured(link, millis)
  }

  onLaneOpened(link: Link, lane: SendLane): void {
    this.context.laneObserver.opened(link, lane)
  }

  onLaneClosed(link: Link, lane: SendLane): void {
    this.context.laneObserver.closed(link, lane)
  }

  effectiveLinkTimeout(): number {
    return State.effectiveLinkTimeout(this.context.loop.state())
  }

  viewHash(): bigint {
    return this.context.loop.state().viewHash
  }

  isWatched({ peer }: Link): boolean {
    return this.context.watchers.has(peer.name)
  }

  onAnswerWritten({ peer }: Link): Effect.Effect<void> {
    return this.context.loop.submit({ _tag: "AnswerWritten", peer })
  }

  onHeard({ peer }: Link): Effect.Effect<void> {
    return this.context.loop.submit({ _tag: "PeerHeard", peer })
  }

  onMembership({ peer }: Link, frame: MembershipFrame, cost: number): Effect.Effect<void> {
    const { connections, loop } = this.context
    // The other process may have the same generation, and goes on.
    if (frame._tag === "Leave" && this.peerConnection !== undefined && connections.isReplaced(this.peerConnection)) {
      return Effect.void
    }
    const target = frame._tag === "ProbeRequest" ? connections.open(frame.target) : undefined
    const heardAgo = target?.heardAgo()
    return loop.submitFrame({ _tag: "Received", from: peer, frame, heardAgo }, cost)
  }

  onViewHash({ peer }: Link, viewHash: bigint): Effect.Effect<void> {
    return viewHash === this.viewHash()
      ? Effect.void
      : this.context.loop.submit({ _tag: "HashDiffers", from: peer.name, viewHash })
  }

  sinkOf(name: string): Deliver {
    const { connections } = this.context
    const { peerConnection } = this
    const sink = this.context.sinkOf(name)
    return (lane, message) => {
      if (peerConnection !== undefined) connections.deliver(peerConnection, sink, lane, message)
    }
  }

  // ---- end

  /** Stops using the connection. Reports the loss of the link to the membership if the peer has no link any more. */
  private uninstall(peerConnection: PeerConnection, end: LinkEnd | undefined): Effect.Effect<void> {
    const { connections, entropy, laneObserver, log, loop } = this.context
    const { generation, name } = peerConnection.peer
    const code = end?._tag === "Bye" ? end.bye.code : undefined
    const draw = code === "duplicate" ? entropy.u32() : undefined
    const isLost = connections.uninstall(peerConnection, end !== undefined && isMoved(end))
    laneObserver.changed()
    if (!isLost) return Effect.void
    return Effect.andThen(
      log.write({
        level: "Debug",
        kind: "link ended",
        subject: name,
        text: `link to ${name} ended: ${end === undefined ? "interrupted" : describe(end)}`,
        annotations: { peer: name, generation },
      }),
      loop.submit({ _tag: "LinkDown", peer: { name, generation }, code, silent: end?._tag === "Silent", draw }),
    )
  }
}

const describe = (end: LinkEnd): string => {
  switch (end._tag) {
    case "Bye":
      return `the peer sent Bye ${end.bye.code}: ${Handshake.quote(end.bye.message)}`
    case "ProtocolViolation":
      return `${end.code}: ${end.message}`
    case "Lost":
      return end.error.message
    default:
      return end._tag
  }
}
