/**
 * Effect's `PersistedCache` at several nodes that share its store: a key that one node invalidates is removed from the
 * store, and from the memory of all nodes. So the memory may keep values for long.
 *
 * ```ts
 * import { PeerPersistedCache } from "@coterie/reactivity"
 * import { Effect, Schema } from "effect"
 * import { Persistable } from "effect/persistence"
 *
 * class Name extends Persistable.Class<{ payload: { readonly user: string } }>()("Name", {
 *   primaryKey: ({ user }) => user,
 *   success: Schema.String,
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const cache = yield* PeerPersistedCache.make(({ user }: Name) => Effect.succeed(`name of ${user}`), {
 *     storeId: "names",
 *     timeToLive: () => "1 day",
 *     inMemoryTTL: () => "1 hour",
 *   })
 *   // After the new name is stored:
 *   yield* cache.invalidate(new Name({ user: "ann" }))
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import type * as Persistable from "effect/persistence/Persistable"
import * as PersistedCache from "effect/persistence/PersistedCache"
import type { Persistence } from "effect/persistence/Persistence"
import * as PrimaryKey from "effect/PrimaryKey"
import type * as Scope from "effect/Scope"
import * as PeerInvalidation from "./PeerInvalidation.ts"

/**
 * Options of {@link make}: those of `PersistedCache.make`, and the channel.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<K extends Persistable.Any, ServiceMode extends "lookup" | "construction" = never>
  extends PeerInvalidation.Options {
  /** Name of the store. All nodes use the same one, and share the store. */
  readonly storeId: string
  /** Time for which the store keeps a value. */
  readonly timeToLive: Persistable.TimeToLiveFn<K>
  /**
   * Maximum number of values in the memory. Each message of a peer is compared with all of them. Defaults to 1,024.
   */
  readonly inMemoryCapacity?: number | undefined
  /** Time for which the memory keeps a value. Defaults to 10 seconds. */
  readonly inMemoryTTL?: Persistable.TimeToLiveFn<K> | undefined
  /** Moment at which the services of the lookup are required (`Cache.make`). */
  readonly requireServicesAt?: ServiceMode | undefined
  /** Name of the channel. Defaults to {@link Options.storeId}. */
  readonly channel?: string | undefined
}

/**
 * Makes a `PersistedCache` whose `invalidate` also invalidates the key in the memory of all peers with the same channel.
 *
 * **Details**
 *
 * Peers find a key by its `PrimaryKey`. Where a peer's invalidation may be lost, the whole memory of this node is
 * invalidated, and the store stays (`PeerInvalidation.Stale`). Fails with the `OptionsError` of `PeerInvalidation.make`.
 *
 * **Gotchas**
 *
 * A lookup that runs while its key is invalidated may write the old value to the store after the removal, as within one
 * process. The time to live of the store bounds it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <
  K extends Persistable.Any,
  R = never,
  ServiceMode extends "lookup" | "construction" = never,
>(
  lookup: (key: K) => Effect.Effect<Persistable.Success<K>, Persistable.Error<K>, R>,
  options: Options<K, ServiceMode>,
): Effect.fn.Return<
  PersistedCache.PersistedCache<K, "lookup" extends ServiceMode ? R : never>,
  OptionsError,
  Cluster | ("lookup" extends ServiceMode ? never : R) | Persistence | Scope.Scope
> {
  const { channel = options.storeId } = options
  const cache = yield* PersistedCache.make(lookup, options)
  const { inMemory } = cache
  const forget = (texts: ReadonlySet<string>): Effect.Effect<void> =>
    Effect.flatMap(Cache.keys(inMemory), (keys) =>
      Effect.forEach(
        [...keys].filter((key) => texts.has(PrimaryKey.value(key))),
        (key) => Cache.invalidate(inMemory, key),
        { discard: true },
      ),
    )
  const peers = yield* PeerInvalidation.make(
    `persisted/${channel}`,
    (stale) => (stale._tag === "All" ? Cache.invalidateAll(inMemory) : forget(stale.keys)),
    options,
  )
  return {
    ...cache,
    // A store that fails may have removed the value, so peers learn of the key in any case.
    invalidate: (key) => Effect.ensuring(cache.invalidate(key), peers.invalidate([PrimaryKey.value(key)])),
  }
})
