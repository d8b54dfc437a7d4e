/**
 * Dials of addresses: one fiber for each seed, for as long as this node runs, and for each discovered address, until a
 * newer discovery result does not contain it (docs/protocol.md, R11).
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Address } from "../Address.ts"
import type * as Discovery from "../Discovery.ts"
import type { HandshakeError } from "../link/Handshake.ts"
import type * as Reconnect from "../Reconnect.ts"
import type { AddressDialer } from "./AddressDialer.ts"
import { FiberTable } from "./FiberTable.ts"
import type { LonelyPause } from "./LonelyPause.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import * as RetrySchedule from "./RetrySchedule.ts"
import type { SeedAvailability } from "./SeedAvailability.ts"
import { seedStatus } from "./seedStatus.ts"

export interface Options {
  readonly loop: MembershipLoop
  readonly addresses: AddressDialer
  readonly reconnect: Reconnect.Policy
  readonly discovery: Discovery.Policy
  readonly pause: LonelyPause
  readonly availability: Pick<SeedAvailability, "answered" | "failed" | "forget">
  /**
   * Called after each attempt with its error, and with `undefined` if the address leads to a peer with a link.
   * `answeredBy` is the name of the peer that last answered there with a link, if any.
   */
  readonly onTried: (address: Address, error: HandshakeError | undefined, answeredBy: string | undefined) => void
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

export class SeedDialer {
  private readonly options: Options
  private readonly seeds = new Set<Address>()
  private readonly fibers: FiberTable<Address>

  constructor(options: Options) {
    this.options = options
    this.fibers = new FiberTable(options.fork, () => {})
  }

  /**
   * Adds a seed, which is dialed for as long as this node runs. `answeredBy` is the name of the peer that answered
   * there, if any.
   */
  addSeed(address: Address, answeredBy?: string): void {
    this.seeds.add(address)
    this.start(address, answeredBy)
  }

  /** Replaces the discovered addresses to dial. */
  setDiscovered(addresses: Iterable<Address>): void {
    const wanted = new Set(addresses)
    for (const address of this.fibers.keys()) {
      if (wanted.has(address) || this.seeds.has(address)) continue
      this.fibers.stop(address)
      this.options.availability.forget(address)
    }
    for (const address of wanted) this.start(address)
  }

  /** Stops all dials for good once this node is not running. */
  stop(): void {
    for (const address of this.fibers.keys()) this.fibers.stop(address)
  }

  private start(address: Address, answeredBy?: string): void {
    if (this.options.loop.state().phase._tag === "Running") {
      this.fibers.start(address, this.keepDialing(address, answeredBy))
    }
  }

  private readonly keepDialing = Effect.fnUntraced(function* (
    this: SeedDialer,
    address: Address,
    before: string | undefined,
  ) {
    const { addresses, availability, discovery, loop, onTried, pause, reconnect } = this.options
    let answeredBy = before
    let schedule = yield* RetrySchedule.make(reconnect)
    while (true) {
      yield* addresses.awaitAny([address])
      const status = seedStatus(loop.state(), address, answeredBy)
      if (status === "settled") {
        onTried(address, undefined, answeredBy)
        yield* availability.answered(address)
        schedule = yield* RetrySchedule.make(reconnect)
        yield* pause.sleep(discovery.interval)
        continue
      }
      const error = yield* Effect.match(addresses.dial(address, { stranger: status === "strangersOnly" }), {
        onFailure: (failure): HandshakeError | undefined => failure,
        onSuccess: ({ peer }) => {
          answeredBy = peer.name
          return undefined
        },
      })
      onTried(address, isKnownPeer(error) ? undefined : error, answeredBy)
      if (error === undefined || isKnownThere(error)) yield* availability.answered(address)
      else yield* availability.failed(address, error)
      if (isKnownThere(error)) {
        // The DNS name of a service may lead to another peer next time.
        yield* pause.sleep(discovery.interval)
        continue
      }
      // A node without a link retries by the reconnect schedule, which begins with shorter pauses. A node with a link
      // waits for the interval.
      yield* pause.isAlone() ? schedule.pauseAtMost(discovery.intervalAlone) : pause.sleep(discovery.interval)
    }
  })
}

/** Returns whether the peer that answered already has a link. */
const isKnownPeer = (error: HandshakeError | undefined): boolean =>
  error?._tag === "HandshakeFailed" && error.reason === "known"

/** Returns whether this node itself answered, or a peer that already has a link. */
const isKnownThere = (error: HandshakeError | undefined): boolean =>
  (error?._tag === "HandshakeRejected" && error.code === "self") || isKnownPeer(error)
