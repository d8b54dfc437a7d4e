/**
 * Groups of nodes. A node joins a group with a weight and a value, and every node sees the members of all nodes. A node
 * that fails or leaves is no member any more (docs/state.md, section "Groups").
 *
 * ```ts
 * import { Group } from "@coterie/state"
 * import { Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const encoders = yield* Group.make("encoders", { value: Schema.Struct({ codecs: Schema.Array(Schema.String) }) })
 *   yield* encoders.join({ codecs: ["av1"] }, { weight: 2 })
 *   const { peer } = yield* encoders.pick("roundRobin")
 *   yield* Effect.log(peer.name)
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
import * as internal from "./internal/group/make.ts"
import type { Group, Options } from "./internal/group/Service.ts"

export { NoMember } from "./internal/group/Service.ts"
export type { Group, JoinOptions, Member, Options, Policy, View } from "./internal/group/Service.ts"

/**
 * Opens a group until the scope closes. Does not make this node a member: see `join`. Fails with `OptionsError` if the
 * name cannot be used, or if `limits.messageBytes` of the cluster is below 4 KiB. The name has 1 to 100 bytes and no control characters. A node may open a group several times.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <A>(
  name: string,
  options: Options<A>,
) => Effect.Effect<Group<A>, OptionsError, Cluster | Scope.Scope> = internal.make

/**
 * Opens a group for all users of a service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, A>(
  tag: Context.Key<I, Group<A>>,
  name: string,
  options: Options<A>,
): Layer.Layer<I, OptionsError, Cluster> => Layer.effect(tag)(make(name, options))
