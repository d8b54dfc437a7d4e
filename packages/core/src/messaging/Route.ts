/**
 * The way of messages to one life of a name: the link to a peer, or the loopback of this node.
 */
import type * as Effect from "effect/Effect"
import type { SendLane } from "../flow/SendLane.ts"
import type { Slowness } from "../flow/Slowness.ts"
import type { Session } from "../link/Session.ts"
import type { PeerId } from "../Peer.ts"

/** Sending end of a lane, as senders use it. */
export type Outlet = Pick<SendLane, "format" | "offer" | "ready" | "slowness" | "tryOffer">

export interface Route {
  /** Life at the other end. */
  readonly peer: PeerId
  /** Returns the session in which messages are sent now. */
  readonly session: () => Session
  /** Lane to the inbox. */
  readonly inbox: Outlet
  /** Returns the lane that the other end reads under this name; `undefined` if it reads none, or has not listed its lanes yet. */
  readonly lane: (name: string) => Outlet | undefined
  /** Waits until the other end has listed its lanes. Returns `undefined` if it has. */
  readonly lanesKnown: () => Effect.Effect<void> | undefined
  /** Memory that senders waited in vain for the list of lanes. */
  readonly listing: Slowness
}
