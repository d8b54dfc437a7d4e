/** The route of messages to one generation of a name: the link to a peer, or the loopback of this node. */
import type * as Effect from "effect/Effect"
import type { SendLane } from "../flow/SendLane.ts"
import type { Slowness } from "../flow/Slowness.ts"
import type { Session } from "../link/Session.ts"
import type { PeerId } from "../Peer.ts"

/** The part of the sending end of a lane that senders use. */
export type Outlet = Pick<SendLane, "format" | "offer" | "ready" | "slowness" | "taking" | "tryOffer">

export interface Route {
  /** Identity of the receiver. */
  readonly peer: PeerId
  /** Returns the session in which messages are sent now. */
  readonly session: () => Session
  /** Lane to the inbox. */
  readonly inbox: Outlet
  /** Returns the lane with this name. `undefined` if the receiver does not read it, or has not listed its lanes yet. */
  readonly lane: (name: string) => Outlet | undefined
  /**
   * Returns an effect that waits until the receiver has listed its lanes, or `undefined` if it has already listed them.
   */
  readonly lanesKnown: () => Effect.Effect<void> | undefined
  /** Slowness of the receiver in listing its lanes. */
  readonly listing: Slowness
}
