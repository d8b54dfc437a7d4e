/**
 * Places keys on the members of a group: each key belongs to one node, and all nodes that see the same members agree on
 * it. Placement gives each node an opinion. During joins, failures and partitions, two nodes or none may own a key, so it
 * is no lock (docs/state.md, section "Placement").
 *
 * ```ts
 * import { Group, Placement } from "@coterie/state"
 * import { Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const group = yield* Group.make("schedulers", { value: Schema.Null })
 *   const placement = yield* Placement.make(group)
 *   yield* group.join(null)
 *   yield* placement.singleton("report", Effect.forever(Effect.andThen(Effect.log("report"), Effect.sleep("1 hour"))))
 * })
 * ```
 *
 * @since 0.1.0
 */
import { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Group } from "./internal/group/Service.ts"
import * as internal from "./internal/placement/make.ts"
import type { Options, Placement } from "./internal/placement/Service.ts"

export type { Options, Ownership, Placement } from "./internal/placement/Service.ts"

/**
 * Places keys on the members of a group of this node, until the scope closes. This node owns keys only while it is a
 * member. Fails with `OptionsError` if an option cannot be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <A>(
  group: Group<A>,
  options?: Options,
) => Effect.Effect<Placement, OptionsError, Cluster | Scope.Scope> = internal.make

/**
 * Places keys for all users of a service, on the members of the group of another service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, G, A>(
  tag: Context.Key<I, Placement>,
  group: Context.Key<G, Group<A>>,
  options?: Options,
): Layer.Layer<I, OptionsError, Cluster | G> =>
  Layer.effect(tag)(Effect.flatMap(group, (members) => make(members, options)))
