/**
 * The users, devices or jobs that are present at any node, by key. A node tracks a key for as long as a scope is open,
 * with a value. Every node has the keys of all nodes. A key whose last node stops to track it leaves after a grace, so a
 * user who reconnects at another node does not leave and join again (docs/state.md, section "Presence").
 *
 * ```ts
 * import { Presence } from "@coterie/state"
 * import { Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* Presence.make("users", { value: Schema.Struct({ device: Schema.String }) })
 *   yield* users.track("ann", { device: "phone" })
 *   const online = yield* users.list
 *   yield* Effect.log(`${online.size} users are online`)
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
import { open } from "./internal/presence/openPresence.ts"
import type { Change, Options, Presence, Present } from "./internal/presence/Service.ts"

export type { Change, Meta, Options, Presence, Present, Tracked } from "./internal/presence/Service.ts"

/**
 * Opens a presence until the scope closes. A node opens a presence of one name once. It is the owned map
 * `presence/NAME`. Fails with `OptionsError` if it is already open, if
 * the name, the grace or a limit cannot be used, or if `limits.messageBytes` of the cluster is below 4 KiB.
 * The name has 1 to 91 bytes and no control characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <A>(
  name: string,
  options: Options<A>,
) => Effect.Effect<Presence<A>, OptionsError, Cluster | Scope.Scope> = open

/**
 * Opens a presence for all users of a service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, A>(
  tag: Context.Key<I, Presence<A>>,
  name: string,
  options: Options<A>,
): Layer.Layer<I, OptionsError, Cluster> => Layer.effect(tag)(make(name, options))

/**
 * Folds an item of {@link Presence.changes} into a map of the present keys. After each item, the map equals what
 * {@link Presence.list} returned after that change.
 *
 * @category folding
 * @since 0.1.0
 */
export const apply = <A>(
  state: Map<string, Present<A>>,
  item: ChangeFeed.Item<ReadonlyMap<string, Present<A>>, Change<A>>,
): void => {
  switch (item._tag) {
    case "Snapshot":
      state.clear()
      for (const [key, present] of item.state) state.set(key, present)
      return
    case "Joined":
    case "Changed":
      state.set(item.present.key, item.present)
      return
    case "Left":
      state.delete(item.present.key)
      return
    case "Lagged":
  }
}
