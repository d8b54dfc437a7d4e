/** Names of the services that each node serves. Two servers of one name would carry out each request twice. */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const servedNames = new WeakMap<Cluster["Service"], Set<string>>()

/** Claims the name for the scope. Fails with `OptionsError` if the node serves the name already. */
export const claim = (cluster: Cluster["Service"], service: string): Effect.Effect<void, OptionsError, Scope.Scope> => {
  const names = servedNames.get(cluster) ?? new Set<string>()
  servedNames.set(cluster, names)
  const message = `this node serves "${service}" already; merge the groups, or give one of them another name`
  return Effect.asVoid(
    Effect.acquireRelease(
      Effect.suspend(() =>
        names.has(service)
          ? Effect.fail(new OptionsError({ option: "service", problem: message }))
          : Effect.sync(() => names.add(service)),
      ),
      () => Effect.sync(() => names.delete(service)),
    ),
  )
}
