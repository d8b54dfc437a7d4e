/**
 * The types of a group for the application. `Group.ts` publishes these types. They are here because the modules of this
 * folder implement them.
 */
import type { LinkState, PeerId, PeerStatus } from "@coterie/core/Peer"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { StateError } from "../../StateError.ts"
import type { ScopedEntry } from "../Service.ts"

/**
 * Error of {@link Group.pick}: the group has no member that this node reaches.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoMember extends Schema.TaggedError<NoMember>()("NoMember", {
  /** Name of the group. */
  group: Schema.String,
}) {
  override get message(): string {
    return `this node reaches no member of the group "${this.group}"`
  }
}

/**
 * Options of a group. All nodes that share the group must use compatible schemas.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<A> {
  /**
   * Schema of the value that a member shows to all nodes. The serialization is that of the topics of the node. Use
   * `Schema.Null` for a group without values.
   */
  readonly value: Schema.Codec<A, unknown>
  /**
   * Shows the values of the members in the admin service of this node, to each bearer of a token of the role `read`: at
   * most 1,000 members, each value as JSON of at most 256 characters. With `false`, the service shows the number and the
   * weight of the members on each node. Defaults to `false`.
   */
  readonly showContents?: boolean | undefined
}

/**
 * Options of a join.
 *
 * @category options
 * @since 0.1.0
 */
export interface JoinOptions {
  /**
   * Share of the picks and of the keys, compared with the other members: above 0, and at most 1,000,000. With twice the
   * weight, a member gets twice as many. Defaults to 1.
   */
  readonly weight?: number | undefined
}

/**
 * A member of a group. A node that joins several times is several members.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member<A> {
  readonly peer: PeerId
  /** Number of the join. It differs between the members of one node. */
  readonly ref: number
  readonly status: PeerStatus
  /** State of the link to the node of the member. It is `up` for this node. */
  readonly link: LinkState
  readonly weight: number
  readonly value: A
}

/**
 * The members of a group at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface View<A> {
  /** Members, ordered by the name of their node and by `ref`. */
  readonly members: ReadonlyArray<Member<A>>
  /**
   * `true` if this node has settled and has the members of every node with a link. While it is `false`, members may be
   * missing.
   */
  readonly isSynced: boolean
}

/**
 * Rule that picks a member.
 *
 * - `random`: a random member, by weight.
 * - `roundRobin`: one member after the other, by weight: members with larger weights come more often, evenly spread
 *   (smooth weighted round-robin). Each `Group` of a node has its own turn.
 * - `local`: a member of this node, and a random member of any node if this node is none.
 * - `{ key }`: the member that rendezvous hashing gives the key. Nodes that reach the same members pick the same one, and
 *   a member that comes or goes moves only its own keys. A restart of a node moves no key.
 *
 * @category models
 * @since 0.1.0
 */
export type Policy = "random" | "roundRobin" | "local" | { readonly key: string }

/**
 * A group at one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Group<in out A> {
  readonly name: string
  /**
   * Makes this node a member until the scope closes. Each join is another member. `set` of the result replaces the
   * value. Fails with `StateError`: with `NotEncodable` if the value does not match the schema or if the weight cannot
   * be used, with `EntryTooLarge` if the join has more than 64 KiB or does not fit into one message of this node
   * (`limits.messageBytes`), with `Full` if this node has 10,000 joins, or 32 MiB
   * of joins, in all groups, and with `Closed` if this node has left. JSON has the value as Base64.
   */
  readonly join: (value: A, options?: JoinOptions) => Effect.Effect<ScopedEntry<A>, StateError, Scope.Scope>
  /** Returns the members, and `isSynced`. */
  readonly view: Effect.Effect<View<A>>
  /**
   * Current view, and the view after each change. A slow reader gets the newest view and skips intermediate ones. Ends
   * when this node has left, after a view without members.
   */
  readonly views: Stream.Stream<View<A>>
  /**
   * Picks a member of this node, or an alive member with the link `up`. Fails with `NoMember` if there is none. Waits
   * for `synced` first. The cost is O(members).
   *
   * **Gotchas**
   *
   * The member may have failed a moment ago. Two nodes may pick different members for one key.
   */
  readonly pick: (policy: Policy) => Effect.Effect<Member<A>, NoMember>
  /** Waits until this node has settled and has the members of every node with a link. */
  readonly synced: Effect.Effect<void>
}
