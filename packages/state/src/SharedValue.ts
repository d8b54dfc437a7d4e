/**
 * Values that all nodes share and that any node may replace, such as feature flags. Every node has the value of the
 * newest write that it knows. Of two writes that did not see each other, one is lost (docs/state.md, section "Shared
 * values").
 *
 * ```ts
 * import { SharedValue } from "@coterie/state"
 * import { Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const level = yield* SharedValue.make("log level", { value: Schema.String, initial: "info" })
 *   yield* level.set("debug")
 *   yield* Effect.log(yield* level.get)
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as limits from "./internal/values/limits.ts"
import { open } from "./internal/values/openValue.ts"
import type { Limits, Options, SharedValue } from "./internal/values/Service.ts"

export type { Conflict, Limits, Options, SharedValue, Written } from "./internal/values/Service.ts"

/**
 * Opens a value until the scope closes. A node opens a value of one name once. Fails with `OptionsError` if the value is
 * already open, if
 * the name or a limit cannot be used, or if `limits.messageBytes` of the cluster is below 4 KiB. The name has 1 to 100 bytes and no
 * control characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <A>(
  name: string,
  options: Options<A>,
) => Effect.Effect<SharedValue<A>, OptionsError, Cluster | Scope.Scope> = open

/**
 * Opens a value for all users of a service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, A>(
  tag: Context.Key<I, SharedValue<A>>,
  name: string,
  options: Options<A>,
): Layer.Layer<I, OptionsError, Cluster> => Layer.effect(tag)(make(name, options))

/**
 * Sets bounds that differ from the defaults. Provide it to every layer that opens values: the first one that a node
 * opens decides for all.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLimits = (options: Partial<Limits>): Layer.Layer<never> =>
  Layer.succeed(limits.Limits, { ...limits.defaults, ...options })
