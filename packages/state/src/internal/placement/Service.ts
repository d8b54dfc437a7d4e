/**
 * The types of a placement for the application. `Placement.ts` publishes these types. They are here because the modules
 * of this folder implement them.
 */
import type { PeerId } from "@coterie/core/Peer"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Ownership } from "./OwnedKeys.ts"

export type { Ownership } from "./OwnedKeys.ts"

/**
 * Options of a placement. Use the same on all nodes.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Time for which the group must be the same at this node before this node takes keys. It gives keys up at once. While
   * every change of the group reaches all nodes within this time, no key has two owners. A larger value also leaves more
   * time to the finalizers of the last owner. With a smaller value, a key is without an owner for less time after a
   * change. Defaults to 2 seconds.
   */
  readonly settle?: Duration.Input | undefined
  /**
   * Number of nodes of the group that this node must reach, itself included, to own a key. With more than half of the
   * nodes that you deploy, the smaller side of a partition gives its keys up. Defaults to 1: every side of a partition
   * owns keys.
   */
  readonly minimumMembers?: number | undefined
}

/**
 * Keys that the members of a group share out among themselves, as one node sees it. A node owns only keys that it follows,
 * with `watch`, `whileOwner` or `singleton`, so follow the same keys on all members.
 *
 * @category models
 * @since 0.1.0
 */
export interface Placement {
  /**
   * Returns the node that a key belongs to, in the view of this node. It may not have taken the key yet. Returns `None`
   * if the group has no members, or if this node reaches fewer than `minimumMembers`. Waits until the group is synced.
   * The cost is O(members).
   */
  readonly owner: (key: string) => Effect.Effect<Option.Option<PeerId>>
  /**
   * Returns the `count` nodes with the greatest scores for a key. The first one is the owner, and each further one
   * becomes the owner if those before it are gone. Use them for copies of what the owner has.
   */
  readonly owners: (key: string, count: number) => Effect.Effect<ReadonlyArray<PeerId>>
  /**
   * State of a key at this node, and then the state after each change. A slow reader skips intermediate ones.
   */
  readonly watch: (key: string) => Stream.Stream<Ownership>
  /**
   * Runs an effect while this node owns a key. Interrupts the effect when this node loses the key, and waits for its
   * finalizers. Runs it again when this node takes the key again. An effect that succeeds is not run again before that.
   * Fails with the error of the effect, and then runs it no more.
   *
   * **Gotchas**
   *
   * Another node may run the effect at the same time: in a partition, after a pause of this process, or while finalizers
   * take longer than `settle`. Effects that must not run twice need a lock with fencing.
   */
  readonly whileOwner: <E, R>(
    key: string,
    run: Effect.Effect<unknown, E, R>,
  ) => Effect.Effect<never, E, Exclude<R, Scope.Scope>>
  /**
   * Runs an effect on one node of the group. It is {@link Placement.whileOwner} for the key `singleton/` with the name:
   * `owner` and `watch` need this key to show where a singleton runs. A node that has not joined the group never runs it,
   * and writes one line to the log.
   */
  readonly singleton: <E, R>(
    name: string,
    run: Effect.Effect<unknown, E, R>,
  ) => Effect.Effect<never, E, Exclude<R, Scope.Scope>>
}
