/**
 * The links of a node: which of them messages go over, connections that come in, dials, and how all of them end
 * (docs/protocol.md, sections "Handshake" and "Links").
 *
 * `PeerConnections` is the table of connections, `Acceptor` and `OutboundConnection` start them, and `LinkLife` is the life
 * of one of them.
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Address } from "../Address.ts"
import type * as Admission from "../Admission.ts"
import type { Source } from "../Entropy.ts"
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { Limits } from "../Limits.ts"
import type { HandshakeError } from "../link/Handshake.ts"
import type { Timing } from "../link/KeepAlive.ts"
import type { Link } from "../link/Link.ts"
import { writeBufferBytes } from "../link/LinkWriter.ts"
import type { LinkObserver } from "../link/LinkObserver.ts"
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
  /** Frees the memory of received bytes without the garbage collector. */
  readonly detachBuffers: boolean
  readonly timing: Timing
  readonly admission: Admission.Policy
  readonly entropy: Source
  readonly clock: Clock
  readonly observer: LinkObserver
  /** Resolves the receiver of a lane's messages, once for each lane that a link opens. */
  readonly sinkOf: LinkContext["sinkOf"]
  /** Returns the lanes that the application reads at this moment. */
  readonly lanes: () => Iterable<ReadLane>
  /** Gets the lanes that peers open and close. */
  readonly laneObserver: LinkContext["laneObserver"]
  /** Hosts at which peers see this node. */
  readonly observedHosts: ObservedHosts
  /** Handles that an older process of this node's name dialed, and stops. Returns `false` if this node stops itself. */
  readonly outlivesNamesake: () => boolean
  readonly log: LogBudget
}

/** Number of connections of each kind at this moment. */
export interface Gauges {
  readonly links: number
  /** Connections of others in the handshake. */
  readonly handshakes: number
  readonly dials: number
}

export class LinkManager {
  private readonly connections: PeerConnections
  private readonly acceptor: Acceptor
  private readonly handshakes: HandshakeLimits
  private readonly permits: DialPermits
  private readonly context: DialContext

  constructor(options: Options, fibers: FiberSet.FiberSet<void>) {
    const { connections, limits, loop } = options
    const epochs = new EpochCounter(options.entropy.u32())
    const links: LinkContext = { ...options, epochs, buffers: new WriteBuffers(writeBufferBytes) }
    const handshake = HandshakeRules.make({
      label: options.label,
      loop,
      limits,
      timing: options.timing,
      admission: options.admission,
      dialing: epochs.dialing,
      hasRoom: () => connections.size() < limits.links,
      linkTo: (name) => connections.open(name),
      wall: () => options.clock.currentTimeMillisUnsafe(),
      outlivesNamesake: options.outlivesNamesake,
    })
    this.connections = connections
    this.handshakes = new HandshakeLimits(limits)
    this.acceptor = new Acceptor(links, handshake, this.handshakes)
    this.permits = new DialPermits(limits.dials)
    this.context = { links, handshake, transport: options.transport, fibers }
  }

  /** Returns the link that messages to the peer go over, if there is one. */
  current(name: string): Link | undefined {
    return this.connections.open(name)
  }

  /** Returns the links that messages go over. */
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

  /** Yields all links on which something may arrive, also those that are closing. */
  *heard(): Iterable<Link> {
    for (const { link } of this.connections.all()) if (link !== undefined) yield link
  }

  /**
   * Waits until a connection to the peer that is about to come up has come up, or has ended. Returns `undefined` if there is
   * none.
   */
  takeover(name: string): Effect.Effect<void> | undefined {
    for (const connection of this.connections.of(name)) {
      if (connection.isPending) return awaitDeferred(connection.settled)
    }
    return undefined
  }

  /** Sends a frame to those of the names that have a link. */
  send(to: ReadonlyArray<string>, frame: MembershipFrame): void {
    for (const name of to) this.connections.current(name)?.send(frame)
  }

  /** Sends an answer to one life of a peer. The link tells membership when it is written. */
  answer({ generation, name }: PeerId, frame: MembershipFrame): void {
    const link = this.connections.current(name)
    if (link?.peer.generation === generation) link.answer(frame)
  }

  /** Tells all peers that this node reads a lane from now on. */
  openLane(lane: ReadLane): void {
    for (const link of this.all()) link.openLanes([lane])
  }

  /** Tells all peers that this node does not read a lane any more. */
  closeLane(name: string): void {
    for (const link of this.heard()) link.closeLane(name)
  }

  /** Makes one life of a peer say something. The link tells membership when it does. */
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

  /** Connects to an address; succeeds when the link is up. Waits for a permit while `limits.dials` dials are running. */
  dial(address: Address, options: DialOptions = {}): Effect.Effect<Link, HandshakeError> {
    return this.permits.run(
      Effect.suspend(() => new OutboundConnection(this.context, address, options).dial),
      (exit) => this.context.links.observer.connected("out", outcomeOf(exit)),
      options.hearsay,
    )
  }

  /** Accepts connections from the listener until interrupted. */
  serve(listener: Listener): Effect.Effect<never> {
    return listener.run(this.acceptor.accept)
  }

  /** Ends all links and waits until the last bytes are out, for at most twice `limits.linger`. */
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

  /** Returns how many connections there are at this moment. */
  gauges(): Gauges {
    return {
      links: this.connections.size(),
      handshakes: this.handshakes.size(),
      dials: this.permits.size(),
    }
  }
}

/** Makes the links of a node; closing the scope ends all dialed connections. */
export const make = (options: Options): Effect.Effect<LinkManager, never, Scope.Scope> =>
  Effect.map(FiberSet.make<void, never>(), (fibers) => new LinkManager(options, fibers))
