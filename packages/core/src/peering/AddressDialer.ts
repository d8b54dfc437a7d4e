/**
 * Dial of one address, and the effects of a refusal: on this node as a whole, and on the next dial of the address.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Address } from "../Address.ts"
import type * as Handshake from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import * as HandshakeRules from "./HandshakeRules.ts"
import type { LinkManager } from "./LinkManager.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import type { DialOptions } from "./OutboundConnection.ts"
import { pauseOf, type RetryAfter } from "./RetryAfter.ts"

export class AddressDialer {
  private readonly loop: MembershipLoop
  private readonly links: Pick<LinkManager, "dial">
  private readonly retryAfter: RetryAfter

  constructor(loop: MembershipLoop, links: Pick<LinkManager, "dial">, retryAfter: RetryAfter) {
    this.loop = loop
    this.links = links
    this.retryAfter = retryAfter
  }

  /**
   * Returns the remaining time for which a peer asked not to be dialed at the address, in milliseconds; 0 if a dial is
   * allowed.
   */
  waitFor(address: Address): number {
    return this.retryAfter.remaining(address)
  }

  /**
   * Waits until a dial of one of the addresses is allowed. Sleeps again if the timer was early, as timers of Node may
   * be.
   */
  awaitAny(addresses: ReadonlyArray<Address>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const wait = this.retryAfter.remainingOfAll(addresses)
      return wait > 0 ? Effect.andThen(Effect.sleep(wait), () => this.awaitAny(addresses)) : Effect.void
    })
  }

  /** Dials the address. Dials once more if the answer made this node take a higher generation. */
  dial(address: Address, options?: DialOptions): Effect.Effect<Link, Handshake.HandshakeError> {
    return Effect.suspend(() => {
      const before = this.loop.state()
      return this.attempt(address, options).pipe(
        Effect.tapError((error) => HandshakeRules.onRefusal(this.loop, error, before, options?.expected)),
        Effect.catchIf(
          () => this.loop.state().self.generation > before.self.generation,
          () => this.attempt(address, options),
        ),
      )
    })
  }

  private attempt(address: Address, options?: DialOptions): Effect.Effect<Link, Handshake.HandshakeError> {
    return this.links.dial(address, options).pipe(
      Effect.tap(() => Effect.sync(() => this.retryAfter.forget(address))),
      Effect.tapError((error) =>
        pauseOf(error) === undefined
          ? Effect.void
          : Effect.map(Random.next, (draw) => this.retryAfter.note(address, error, draw)),
      ),
    )
  }
}
