/**
 * Peers as values for the application. All values are plain immutable data: Effect's `Equal.equals` and `Hash.hash`
 * compare them by content. Each type has a schema with the same name.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Address } from "./Address.ts"

/**
 * Identity of a peer: a stable name, and the generation, which numbers the lives of that name (docs/protocol.md,
 * section "Identity"). The generation is `max(milliseconds of the clock at the start, any generation known for the name
 * + 1)`, so a restarted peer outranks its earlier lives.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerId {
  readonly name: string
  /** Number of this life of the name. A restarted peer has a higher one. */
  readonly generation: number
}

/**
 * Description of a peer, as the peer announces it.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerDescription extends PeerId {
  /** Addresses that the peer advertises, best first. */
  readonly addresses: ReadonlyArray<Address>
  /** Metadata set by the application of the peer. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Status of a member: `alive`, or `suspect` while it cannot be reached. A suspected member fails unless it shows a sign
 * of life before the suspicion ends.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerStatus = "alive" | "suspect"

/**
 * State of the link to a member. `up`: there is a live link, so messages can be sent now. `indirect`: other members
 * reach the member and this node does not. `down`: no member that this node has asked reaches it, or the answers have
 * not arrived yet.
 *
 * @category models
 * @since 0.1.0
 */
export type LinkState = "up" | "indirect" | "down"

/**
 * Member of the cluster at one moment. Values are immutable; the next event or view has a newer one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer extends PeerDescription {
  readonly status: PeerStatus
  /** State of the link to the peer. This node itself, as `view.self`, is always `up`. */
  readonly link: LinkState
}

/**
 * Reason for which a peer is no longer a member. `left`: it left on purpose. `failed`: it was suspected and gave no
 * sign of life in time. `disconnected`: this node or the peer called `disconnect`. `replaced`: a newer generation uses
 * its name.
 *
 * @category models
 * @since 0.1.0
 */
export type RemovedStatus = "left" | "failed" | "disconnected" | "replaced"

/**
 * A peer that is no longer in the view: its last description, and the reason for its removal. It has no link. The
 * events that remove a peer carry this value.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemovedPeer<Status extends RemovedStatus = RemovedStatus> extends PeerDescription {
  readonly status: Status
}

const identity = {
  name: Schema.String,
  generation: Schema.Int,
}

const description = {
  ...identity,
  addresses: Schema.Array(Address),
  metadata: Schema.Record(Schema.String, Schema.String),
}

/**
 * Encoded form of a {@link PeerDescription}: addresses are plain text.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncodedDescription extends Omit<PeerDescription, "addresses"> {
  readonly addresses: ReadonlyArray<string>
}

/**
 * Schema of a {@link PeerId}.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PeerId: Schema.Codec<PeerId> = Schema.Struct(identity)

/**
 * Schema of a {@link Peer}.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Peer: Schema.Codec<Peer, EncodedDescription & { readonly status: PeerStatus; readonly link: LinkState }> =
  Schema.Struct({
    ...description,
    status: Schema.Literals(["alive", "suspect"]),
    link: Schema.Literals(["up", "indirect", "down"]),
  })

/**
 * Returns the schema of a {@link RemovedPeer} with the given status.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RemovedPeer = <Status extends RemovedStatus>(
  status: Status,
): Schema.Codec<RemovedPeer<Status>, EncodedDescription & { readonly status: Status }> =>
  Schema.Struct({ ...description, status: Schema.Literal(status) })

/**
 * Address of a message: a name, which stands for any generation of the peer, or a name with a generation, which stands
 * for that generation only. A `Peer` of a view and `Message.from` have a generation. Pass their `name` to address any
 * generation.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerRef = string | PeerId

/**
 * Returns the name of a peer reference.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (peer: PeerRef): string => (typeof peer === "string" ? peer : peer.name)

/**
 * Compares two names by their code points, which is the order of their UTF-8 bytes. Of two peers, the one with the lower name
 * sends the Pings of their link and dials a new member first, so every implementation must agree on the order
 * (docs/protocol.md, section "Identity").
 *
 * **Gotchas**
 *
 * `<` compares UTF-16 units, and has another order for characters beyond U+FFFF.
 *
 * @category comparing
 * @since 0.1.0
 */
export const compareNames = (a: string, b: string): number => {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      // Surrogates stand for code points above every other unit, so they are greater.
      const surrogateX = (x & 0xf800) === 0xd800
      const surrogateY = (y & 0xf800) === 0xd800
      return surrogateX === surrogateY ? x - y : surrogateX ? 1 : -1
    }
  }
  return a.length - b.length
}
