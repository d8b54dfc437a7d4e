/**
 * Peers, as an application sees them.
 */
import type { Address } from "./Address.ts"

/**
 * One life of one name: a stable name, and the generation that numbers the lives of that name (docs/protocol.md, section
 * "Identity"). The generation is `max(milliseconds of the clock at the start, any generation known for the name + 1)`, so a
 * restarted peer outranks its earlier lives.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerId {
  readonly name: string
  readonly generation: number
}

/**
 * Status of a peer: `alive` < `suspect` < `failed` within one incarnation; `left` ends a generation.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerStatus = "alive" | "suspect" | "failed" | "left"

/**
 * Another member of the cluster, at one moment. Values are immutable; the next event or view has a newer one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer {
  readonly name: string
  /** Number of this life of the name. A restarted peer has a higher one. */
  readonly generation: number
  /**
   * Status of the peer. In a view it is `alive` or `suspect`. A suspected peer cannot be reached, and fails unless it shows a
   * sign of life before the suspicion ends. An event that removes a peer from the view has it as `failed` or `left`.
   */
  readonly status: PeerStatus
  /**
   * State of the link. `up`: there is a live link to the peer, so that messages can be sent now. `indirect`: other members
   * reach the peer and this node does not. `down`: no member that was asked reaches the peer, or the answers have not arrived
   * yet.
   */
  readonly link: "up" | "indirect" | "down"
  /** Addresses that the peer advertises. */
  readonly addresses: ReadonlyArray<Address>
  /** Metadata that the application of the peer gave it. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * A peer: by its name, which addresses whatever life has the name, or by name and generation, which addresses that life only. A
 * `Peer` of a view and `Message.from` have a generation. Use the `name` of such a value to address whatever life has it.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerRef = string | PeerId

/**
 * Returns the name of a peer that is given by name or as a value.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (peer: PeerRef): string => (typeof peer === "string" ? peer : peer.name)
