/**
 * Maps that all nodes share and of which each node owns a part. A node changes its own entries only. Every other node
 * has a copy of them for as long as its view lists the owner. Nothing expires, nothing is renewed, and an owner that
 * fails or leaves takes its entries with it (docs/state.md, section "Owned maps").
 *
 * ```ts
 * import { OwnedMap } from "@coterie/state"
 * import { Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const jobs = yield* OwnedMap.make("jobs", { key: Schema.String, value: Schema.Struct({ done: Schema.Finite }) })
 *   yield* jobs.set("import", { done: 0 })
 *   const all = yield* jobs.view
 *   yield* Effect.log(all.entries.length)
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { open } from "./internal/openMap.ts"
import type { Change, Entry, Options, OwnedMap, View } from "./internal/Service.ts"

export type {
  Batch,
  Change,
  Entry,
  Gone,
  Limits,
  Options,
  OwnedMap,
  Owner,
  OwnerState,
  ScopedEntry,
  View,
} from "./internal/Service.ts"

/**
 * Opens a map until the scope closes. A node opens a map of one name once. Fails with `OptionsError` if the map is
 * already open, if the name or a limit cannot be used, or if `limits.messageBytes` of the cluster is below 4 KiB. The
 * name has 1 to 100 bytes and no control characters, and does not begin with `coterie.`, because groups and shared
 * values use such maps.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <K, V>(
  name: string,
  options: Options<K, V>,
) => Effect.Effect<OwnedMap<K, V>, OptionsError, Cluster | Scope.Scope> = (name, options) => open(name, options)

/**
 * Opens a map for all users of a service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, K, V>(
  tag: Context.Key<I, OwnedMap<K, V>>,
  name: string,
  options: Options<K, V>,
): Layer.Layer<I, OptionsError, Cluster> => Layer.effect(tag)(make(name, options))

/**
 * Returns a text that identifies an entry: the name of its owner and its encoded key.
 *
 * @category getters
 * @since 0.1.0
 */
export const idOf = ({ encodedKey, owner }: Pick<Entry<unknown, unknown>, "owner" | "encodedKey">): string =>
  `${owner.name.length}:${owner.name}${encodedKey}`

/**
 * Folds an item of {@link OwnedMap.changes} into a map from {@link idOf} to entries.
 *
 * @category folding
 * @since 0.1.0
 */
export const apply = <K, V>(state: Map<string, Entry<K, V>>, item: ChangeFeed.Item<View<K, V>, Change<K, V>>): void => {
  switch (item._tag) {
    case "Snapshot":
      state.clear()
      for (const entry of item.state.entries) state.set(idOf(entry), entry)
      return
    case "Set":
      state.set(idOf(item.entry), item.entry)
      return
    case "Removed":
      state.delete(idOf(item.entry))
      return
    case "OwnerChanged":
    case "Lagged":
  }
}
