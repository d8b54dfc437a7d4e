/**
 * All that this node dials, and when (docs/protocol.md, R1, R3, R10, R11). `PeerDialer` has a fiber for each peer that
 * membership wants a link to, `SeedDialer` one for each address where peers may be found, and `join` runs in the fiber of
 * its caller.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Address } from "../Address.ts"
import type * as Discovery from "../Discovery.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import * as Member from "../membership/Member.ts"
import type * as State from "../membership/State.ts"
import type * as Reconnect from "../Reconnect.ts"
import { AddressDialer } from "./AddressDialer.ts"
import type { LinkManager } from "./LinkManager.ts"
import type { LonelyPause } from "./LonelyPause.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import { PeerDialer } from "./PeerDialer.ts"
import { RetryAfter } from "./RetryAfter.ts"
import * as RetrySchedule from "./RetrySchedule.ts"
import type { SeedAvailability } from "./SeedAvailability.ts"
import { SeedDialer } from "./SeedDialer.ts"

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
  /** Called after each attempt at a seed or a discovered address; see `SeedDialer`. */
  readonly onTried: (address: Address, error: Handshake.HandshakeError | undefined) => void
}

export class Dialer {
  private readonly options: Options
  private readonly addresses: AddressDialer
  private readonly peers: PeerDialer
  private readonly seeds: SeedDialer

  constructor(options: Options, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.options = options
    this.addresses = new AddressDialer(options.loop, options.links, new RetryAfter(options.clock))
    this.peers = new PeerDialer({ ...options, addresses: this.addresses, fork })
    this.seeds = new SeedDialer({ ...options, addresses: this.addresses, fork })
  }

  /** Starts and stops dialing as the state wants. */
  reconcile(state: State.State): void {
    this.peers.reconcile(state)
    if (state.phase._tag !== "Running") this.seeds.stop()
  }

  /** Dials these addresses from now on, instead of those of the last call. */
  setDiscovered(addresses: Iterable<Address>): void {
    this.seeds.setDiscovered(addresses)
  }

  /** Dials the address from now on, for ever. `answeredBy` is the name of the peer that answered there, if one did. */
  addSeed(address: Address, answeredBy?: string): void {
    this.seeds.addSeed(address, answeredBy)
  }

  /** Dials an address until it answers. Fails only if another attempt cannot help. */
  join(address: Address): Effect.Effect<Link, Handshake.HandshakeRejected> {
    return this.dialUntilUp(address)
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
        // The peer may get a link meanwhile, so the join looks for it as often as it does between two dials.
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
      yield* availability.failed(address, error)
      yield* schedule.pauseAtMost(interval)
    }
  })

  /** Returns the link to the peer that lives at the address, if there is one. */
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

/** Makes the dialer of a node; closing the scope stops all dialing. */
export const make = (options: Options): Effect.Effect<Dialer, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => new Dialer(options, fork))
