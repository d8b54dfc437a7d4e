/**
 * All dials of this node (docs/protocol.md, R1, R3, R10, R11). `PeerDialer` runs a fiber for each peer that needs a
 * link. `SeedDialer` runs a fiber for each seed and each discovered address. `join` runs in the fiber of its caller.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Address } from "../Address.ts"
import type * as Discovery from "../Discovery.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import { monotonicMillis } from "../internal/time.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import * as Member from "../membership/Member.ts"
import type * as State from "../membership/State.ts"
import type * as Reconnect from "../Reconnect.ts"
import type { PeerId } from "../Peer.ts"
import { AddressDialer } from "./AddressDialer.ts"
import type { DialFailure } from "./DialFailures.ts"
import { JoinAttempts } from "./JoinAttempts.ts"
import type { LinkManager } from "./LinkManager.ts"
import type { LonelyPause } from "./LonelyPause.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import type * as LinkRenewer from "./LinkRenewer.ts"
import { PeerDialer } from "./PeerDialer.ts"
import { RetryAfter } from "./RetryAfter.ts"
import * as RetrySchedule from "./RetrySchedule.ts"
import type { SeedAvailability } from "./SeedAvailability.ts"
import { type Options as SeedDialerOptions, SeedDialer } from "./SeedDialer.ts"

export interface Options {
  readonly loop: MembershipLoop
  readonly links: LinkManager
  readonly reconnect: Reconnect.Policy
  readonly discovery: Discovery.Policy
  readonly pause: LonelyPause
  /** Age from which a link counts as healthy, in milliseconds. */
  readonly healthy: number
  readonly clock: Clock
  readonly availability: SeedAvailability
  readonly log: LogBudget
  readonly makeLinkRenewer: (options: LinkRenewer.Options) => LinkRenewer.LinkRenewer
  /** Called after each attempt at a seed or discovered address; see `SeedDialer`. */
  readonly onTried: SeedDialerOptions["onTried"]
}

export class Dialer {
  /** Joins in progress. */
  readonly joins = new JoinAttempts()
  private readonly options: Options
  private readonly addresses: AddressDialer
  private readonly peers: PeerDialer
  private readonly renewer: LinkRenewer.LinkRenewer
  private readonly seeds: SeedDialer

  constructor(options: Options, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.options = options
    this.addresses = new AddressDialer(options.loop, options.links, new RetryAfter(options.clock))
    this.peers = new PeerDialer({ ...options, addresses: this.addresses, fork })
    this.renewer = options.makeLinkRenewer({ ...options, addresses: this.addresses })
    this.seeds = new SeedDialer({ ...options, addresses: this.addresses, fork })
  }

  /** Starts and stops dials as the state requires. */
  reconcile(state: State.State): void {
    this.peers.reconcile(state)
    if (state.phase._tag !== "Running") this.seeds.stop()
  }

  /** Replaces the discovered addresses to dial. */
  setDiscovered(addresses: Iterable<Address>): void {
    this.seeds.setDiscovered(addresses)
  }

  /**
   * Adds a seed, which is dialed for as long as this node runs. `answeredBy` is the name of the peer that answered
   * there, if any.
   */
  addSeed(address: Address, answeredBy?: string): void {
    this.seeds.addSeed(address, answeredBy)
  }

  /** Dials the peer of a link until another connection has taken the place of the link; see `LinkRenewer`. */
  renew(link: Link, dialed: Address | undefined): Effect.Effect<void> {
    return this.renewer.renew(link, dialed)
  }

  /** Returns the last failed dial of a peer without a link, if a dial has failed since the last link. */
  failureOf(peer: PeerId): DialFailure | undefined {
    return this.peers.failures.of(peer)
  }

  /** Dials an address until a peer answers. Fails only if another attempt cannot help. */
  join(address: Address): Effect.Effect<Link, Handshake.HandshakeRejected> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.joins.start(address)),
      () => this.dialUntilUp(address),
      () => Effect.sync(() => this.joins.end(address)),
    )
  }

  private readonly dialUntilUp = Effect.fnUntraced(function* (this: Dialer, address: Address) {
    const { availability, discovery, reconnect } = this.options
    const schedule = yield* RetrySchedule.make(reconnect)
    const interval = Duration.min(discovery.intervalAlone, discovery.interval)
    while (true) {
      const existing = this.linkTo(address)
      if (existing !== undefined) {
        yield* availability.answered(address)
        return existing
      }
      const wait = this.addresses.waitFor(address)
      if (wait > 0) {
        // The peer may get a link meanwhile, so the join checks for one as often as between two dials.
        yield* Effect.sleep(Duration.min(Duration.millis(wait), interval))
        continue
      }
      const result = yield* Effect.result(this.addresses.dial(address, { join: true }))
      if (result._tag === "Success") {
        yield* availability.answered(address)
        return result.success
      }
      const error = result.failure
      if (error._tag === "HandshakeRejected" && !Handshake.isTransient(error)) return yield* error
      this.joins.failed(address, error, monotonicMillis(this.options.clock))
      yield* availability.failed(address, error)
      yield* schedule.pauseAtMost(interval)
    }
  })

  /** Returns the link to the peer at the address, if there is one. */
  private linkTo(address: Address): Link | undefined {
    const { links, loop } = this.options
    for (const link of links.all()) {
      const member = loop.state().members.get(link.peer.name)
      if (member === undefined || !Member.isLinked(member) || member.disconnected) continue
      if (member.address === address || link.peer.body.addresses.includes(address)) return link
    }
    return undefined
  }
}

/** Creates the dialer of a node. Closing the scope stops all dials. */
export const make = (options: Options): Effect.Effect<Dialer, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => new Dialer(options, fork))
