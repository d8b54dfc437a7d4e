/**
 * A dial of one address, and what a refusal there means for this node as a whole.
 */
import * as Effect from "effect/Effect"
import type { Address } from "../Address.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import type { LinkManager } from "./LinkManager.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import type { DialOptions } from "./OutboundConnection.ts"

export class AddressDialer {
  private readonly loop: MembershipLoop
  private readonly links: Pick<LinkManager, "dial">

  constructor(loop: MembershipLoop, links: Pick<LinkManager, "dial">) {
    this.loop = loop
    this.links = links
  }

  /** Dials the address, and once more if the refusal made this node take a higher generation. */
  dial(address: Address, options?: DialOptions): Effect.Effect<Link, Handshake.HandshakeError> {
    return this.links.dial(address, options).pipe(
      Effect.tapError((error) => Handshake.heedRefusal(this.loop, error)),
      // A generation that was too low, or that of an earlier life, is higher now.
      Effect.catchIf(
        (error) =>
          error._tag === "HandshakeRejected" &&
          (error.code === "stale" || error.code === "evicted") &&
          error.by === "them",
        () => this.links.dial(address, options),
      ),
    )
  }
}
