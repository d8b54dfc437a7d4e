/**
 * A peer as the application sees it.
 */
import type { Address } from "./Address.ts"

/**
 * One life of one name: a stable name and a generation that numbers the lives of that name (docs/protocol.md, section
 * "Identity"). The generation is `max(milliseconds of the clock at the start, any generation known for the name + 1)`, so a
 * restarted peer outranks its earlier lives.
 */
export interface PeerId {
  readonly name: string
  readonly generation: number
}

/** Status of a peer: `alive` < `suspect` < `failed` within one incarnation; `left` ends a generation. */
export type PeerStatus = "alive" | "suspect" | "failed" | "left"

/**
 * Another member of the cluster, at one moment. Values are immutable; a newer one comes with the next
 * event or view.
 */
export interface Peer {
  readonly name: string
  /** Numbers the lives of the name: a restarted peer has a higher one. */
  readonly generation: number
  /**
   * In a view `alive`, or `suspect`: it cannot be reached, and is called failed unless it shows a sign
   * of life before the suspicion ends. An event that takes a peer out of the view carries it as
   * `failed` or `left`.
   */
  readonly status: PeerStatus
  /**
   * `up`: there is a live link to it, so that messages can be sent now. `indirect`: there is none, but other members have
   * one, so that it is no worse than out of reach from here. `down`: there is none, and nobody who was asked has one either,
   * or the answers are not here yet.
   */
  readonly link: "up" | "indirect" | "down"
  /** Where it says it can be reached. */
  readonly addresses: ReadonlyArray<Address>
  /** What its application says about it. */
  readonly metadata: Readonly<Record<string, string>>
}

/** A peer, or its name. */
export type PeerRef = string | Pick<Peer, "name">
