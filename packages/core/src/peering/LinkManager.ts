/**
 * Links of a node: the link in use with each peer, incoming connections, dials, and the end of all of them
 * (docs/protocol.md, sections "Handshake" and "Links").
 *
 * `PeerConnections` is the table of connections. `Acceptor` and `OutboundConnection` start connections, and `LinkLife`
 * runs one connection.
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { Address } from "../Address.ts"
import type * as Admission from "../Admission.ts"
import type { Source } from "../Entropy.ts"
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import { monotonicMillis } from "../internal/time.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { Limits } from "../Limits.ts"
import type { HandshakeError } from "../link/Handshake.ts"
import type { Timing } from "../link/KeepAlive.ts"
import type { Link } from "../link/Link.ts"
import { writeBufferBytes } from "../link/LinkWriter.ts"
import type { LinkObserver } from "../link/LinkObserver.ts"
import * as LinkTimer from "../link/LinkTimer.ts"
import { WriteBuffers } from "../link/WriteBuffers.ts"
import type { PeerId } from "../Peer.ts"
import type { ByeCode, MembershipFrame } from "../protocol/Frame.ts"
import type { Listener, Transport } from "../Transport.ts"
import { Acceptor } from "./Acceptor.ts"
import { DialPermits } from "./DialPermits.ts"
import { EpochCounter } from "./EpochCounter.ts"
import * as HandshakeRules from "./HandshakeRules.ts"
import { HandshakeLimits } from "./HandshakeLimits.ts"
import { outcomeOf } from "./handshakeOutcome.ts"
import type { LinkContext } from "./LinkLife.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import type { ObservedHosts } from "./ObservedHosts.ts"
import { type DialContext, type DialOptions, OutboundConnection } from "./OutboundConnection.ts"
import type { PeerConnections } from "./PeerConnections.ts"

export interface Options {
  /** Name of the cluster. */
  readonly label: string
  readonly transport: Transport["Service"]
  readonly connections: PeerConnections
  /** Constructors of the lanes of a link. */
  readonly laneFactories: LinkContext["laneFactories"]
  readonly loop: MembershipLoop
  readonly limits: Limits
  /** `true` to free the memory of received bytes without the garbage collector. */
  readonly detachBuffers: boolean
  readonly timing: Timing
  /** Members that this node watches. */
  readonly watchers: LinkContext["watchers"]
  readonly admission: Admission.Policy
  readonly entropy: Source
  readonly clock: Clock
  readonly observer: LinkObserver
  /** Returns the receiver of a lane's messages. Called once per lane that a link opens. */
  readonly sinkOf: LinkContext["sinkOf"]
  /** Returns the lanes that the application currently reads. */
  readonly lanes: () => Iterable<ReadLane>
  /** Observer of the lanes that peers open and close. */
  readonly laneObserver: LinkContext["laneObserver"]
  /** Hosts under which peers see this node. */
  readonly observedHosts: ObservedHosts
  /**
   * Handles an older process of this node's name that dialed and then stops. Returns `false` if this node itself stops.
   */
  readonly outlivesNamesake: () => boolean
  readonly log: LogBudget
  /** Replaces a link by another connection to the peer, when the transport asks for it. */
  readonly renew: LinkContext["renew"]
}

/** Current number of connections of each kind. */
export interface Gauges {
  readonly links: number
  /** Incoming connections in the handshake. */
  readonly handshakes: number
  readonly dials: number
}

export class LinkManager {
  private readonly connections: PeerConnections
  private readonly acceptor: Acceptor
  private readonly handshakes: HandshakeLimits
  private readonly permits: DialPermits
  private readonly context: DialContext

  constructor(options: Options, timer: LinkTimer.LinkTimer, fork: DialContext["fork"]) {
    const { connections, limits, loop } = options
    const epochs = new EpochCounter(options.entropy.u32())
    const links: LinkContext = { ...options, epochs, timer, buffers: new WriteBuffers(writeBufferBytes) }
    const handshake = HandshakeRules.make({
      label: options.label,
      loop,
      limits,
      timing: options.timing,
      admission: options.admission,
      dialing: epochs.dialing,
      hasRoom: () => connections.size() < limits.links,
      linkTo: (name) => connections.open(name),
      isWeaker: (name, identity) => connections.isWeaker(name, identity),
      wall: () => options.clock.currentTimeMillisUnsafe(),
      outlivesNamesake: options.outlivesNamesake,
    })
    this.connections = connections
    this.handshakes = new HandshakeLimits(limits)
    this.acceptor = new Acceptor(links, handshake, this.handshakes)
    this.permits = new DialPermits(limits.dials)
    this.context = { links, handshake, transport: options.transport, fork }
  }

  /** Returns the link for messages to the peer, if there is one. */
  current(name: string): Link | undefined {
    return this.connections.open(name)
  }

  /** Returns all links for messages. */
  all(): Iterable<Link> {
    return this.connections.allOpen()
  }

  /** Yields the other links of the session of a link. */
  *siblings({ peer, session }: Pick<Link, "peer" | "session">): Iterable<Link> {
    for (const connection of this.connections.of(peer.name)) {
      const { link } = connection
      if (link !== undefined && link.session !== session && connection.session === session()) yield link
    }
  }

  /** Yields all links that may still receive frames, including links that are closing. */
  *heard(): Iterable<Link> {
    for (const { link } of this.connections.all()) if (link !== undefined) yield link
  }

  /**
   * Waits until a pending connection to the peer has come up or ended. Returns `undefined` if there is no pending
   * connection.
   */
  takeover(name: string): Effect.Effect<void> | undefined {
    for (const connection of this.connections.of(name)) {
      if (connection.isPending) return awaitDeferred(connection.settled)
    }
    return undefined
  }

  /** Sends a frame to the peers of these names that have a link. A link with a Leave waits less for a silent peer. */
  send(to: ReadonlyArray<string>, frame: MembershipFrame): void {
    for (const name of to) {
      const link = this.connections.current(name)
      link?.send(frame)
      if (frame._tag === "Leave") link?.part()
    }
  }

  /** Sends an answer to one life of a peer. The link reports to the membership when the answer is written. */
  answer({ generation, name }: PeerId, frame: MembershipFrame): void {
    const link = this.connections.current(name)
    if (link?.peer.generation === generation) link.answer(frame)
  }

  /** Announces to all peers that this node reads a lane. */
  openLane(lane: ReadLane): void {
    for (const link of this.all()) link.openLanes([lane])
  }

  /** Announces to all peers that this node no longer reads a lane. */
  closeLane(name: string): void {
    for (const link of this.heard()) link.closeLane(name)
  }

  /** Sends a Ping to one life of a peer. The link reports the next bytes of the peer to the membership. */
  pingNow({ generation, name }: PeerId): void {
    const link = this.current(name)
    if (link?.peer.generation === generation) link.pingNow()
  }

  /** Ends all connections with one life of a peer. */
  close(peer: PeerId, code: ByeCode): void {
    for (const connection of this.connections.of(peer.name)) {
      if (connection.peer.generation === peer.generation) connection.close(code)
    }
  }

  /**
   * Connects to an address. Succeeds when the link is up. Waits for a permit while `limits.dials` dials are running.
   */
  dial(address: Address, options: DialOptions = {}): Effect.Effect<Link, HandshakeError> {
    return this.permits.run(
      Effect.suspend(() => new OutboundConnection(this.context, address, options).dial),
      (exit) => {
        const outcome = outcomeOf(exit)
        const isRenewed = outcome === "up" && options.renewal === true
        this.context.links.observer.connected("out", isRenewed ? "renewed" : outcome)
      },
      options.hearsay,
    )
  }

  /** Accepts connections from the listener until interrupted. */
  serve(listener: Listener): Effect.Effect<never> {
    return listener.run(this.acceptor.accept)
  }

  /** Ends all links and waits until the last bytes are written, for at most twice `limits.linger`. */
  closeAll(code: ByeCode): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.asVoid(
        Effect.timeoutOption(
          Effect.forEach(this.connections.closeAll(code), ({ done }) => Deferred.await(done), { discard: true }),
          2 * this.context.links.limits.linger,
        ),
      ),
    )
  }

  /** Returns the current number of connections. */
  gauges(): Gauges {
    return {
      links: this.connections.size(),
      handshakes: this.handshakes.size(),
      dials: this.permits.size(),
    }
  }
}

/**
 * Creates the links of a node. Dialed connections run in the context of the calling fiber. Closing the scope ends them.
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { clock, timing } = options
  // The timer stops after the connections.
  const timer = yield* LinkTimer.make({ heartbeat: timing.heartbeat, now: () => monotonicMillis(clock) })
  return new LinkManager(options, timer, yield* FiberSet.makeRuntime<never, void, never>())
})
