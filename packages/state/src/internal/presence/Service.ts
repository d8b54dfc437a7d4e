/** The types of a presence for the application. `Presence.ts` publishes these types. */
import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { DeadLetter } from "@coterie/core/Lane"
import type { PeerId } from "@coterie/core/Peer"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { StateError } from "../../StateError.ts"
import type { Limits, Owner } from "../Service.ts"

/**
 * Options of a presence. All nodes that share it must use compatible schemas.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<A> {
  /** Schema of the values of the metas. The serialization is that of the topics of the node. */
  readonly value: Schema.Codec<A, unknown>
  /**
   * Time for which a key without metas is `leaving` before it leaves. With a larger value, a user who reconnects later
   * does not leave and join again. With a smaller value, others see sooner that a user has left. With 0, a key leaves
   * with its last meta. Defaults to 5 seconds.
   */
  readonly grace?: Duration.Input | undefined
  /** Bounds of the owned map that differ from the defaults. An entry is a meta with its key. */
  readonly limits?: Partial<Limits> | undefined
  /**
   * Shows the keys and metas of all nodes in the admin service of this node, to each bearer of a token of the role
   * `read`: at most 1,000 metas, each value as JSON of at most 256 characters. With `false`, the service shows sizes and
   * states only. Defaults to `false`.
   */
  readonly showContents?: boolean | undefined
}

/**
 * One `track` of a key, by one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Meta<out A> {
  /** Node that tracks the key. */
  readonly peer: PeerId
  /** Number of the `track` at its node, counted from 1. An `update` keeps it. */
  readonly ref: number
  readonly value: A
}

/**
 * A key that is present.
 *
 * @category models
 * @since 0.1.0
 */
export interface Present<out A> {
  readonly key: string
  /** Metas in the order of the name of the peer and of `ref`. The last metas that were known while the key is `leaving`. */
  readonly metas: ReadonlyArray<Meta<A>>
  /** `true` if no node tracks the key any more, and the grace is not over. */
  readonly leaving: boolean
}

/**
 * A change of one key, in one step of an owner or of the view.
 *
 * - `Joined`: the key is present now.
 * - `Changed`: the metas of a present key changed. `joined` are the new metas, and `left` the metas that are gone. An
 *   `update` has the old meta in `left` and the new one in `joined`. The key may be `leaving` now, or no longer.
 * - `Left`: the key is gone. `present` has its last metas.
 *
 * @category models
 * @since 0.1.0
 */
export type Change<A> =
  | { readonly _tag: "Joined"; readonly present: Present<A> }
  | {
      readonly _tag: "Changed"
      readonly present: Present<A>
      readonly joined: ReadonlyArray<Meta<A>>
      readonly left: ReadonlyArray<Meta<A>>
    }
  | { readonly _tag: "Left"; readonly present: Present<A> }

/**
 * A key that this node tracks until a scope closes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tracked<in A> {
  /** Replaces the value of the meta. Fails with `Closed` after the scope has closed. */
  readonly update: (value: A) => Effect.Effect<void, StateError>
}

/**
 * A presence that is open at this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Presence<in out A> {
  readonly name: string
  /**
   * Adds a meta to a key until the scope closes. A key may be tracked many times, by one node and by several. Fails with
   * `NotEncodable` if the key contains the character NUL (U+0000).
   */
  readonly track: (key: string, value: A) => Effect.Effect<Tracked<A>, StateError, Scope.Scope>
  /** Returns a key, if it is present or `leaving`. */
  readonly get: (key: string) => Effect.Effect<Option.Option<Present<A>>>
  /** Returns all keys, including those that are `leaving`. The cost is O(metas). Use `changes` to follow a presence. */
  readonly list: Effect.Effect<ReadonlyMap<string, Present<A>>>
  /** Returns the number of keys, including those that are `leaving`. */
  readonly count: Effect.Effect<number>
  /**
   * A snapshot, and then every change in order. A step of an owner or of the view has at most one change for each key. A
   * subscriber that is more than `limits.changeBuffer` changes behind gets `Lagged` and a new snapshot.
   */
  readonly changes: Stream.Stream<ChangeFeed.Item<ReadonlyMap<string, Present<A>>, Change<A>>>
  /** Returns the members except this node, by name, with the state of their metas at this node. */
  readonly owners: Effect.Effect<ReadonlyMap<string, Owner>>
  /** Waits until this node has settled, and the metas of every member with a link are here, or will not come. */
  readonly synced: Effect.Effect<void>
  /** Messages and metas that this node could not decode, from the moment the stream runs. */
  readonly deadLetters: Stream.Stream<DeadLetter>
}
