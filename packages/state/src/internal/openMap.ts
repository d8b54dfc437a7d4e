/** Opens an owned map on a node. */
import { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import { Entropy } from "@coterie/core/Entropy"
import * as Effect from "effect/Effect"
import { addComponent } from "./addComponent.ts"
import type { Options } from "./Service.ts"
import type { MapObserver } from "./MapObserver.ts"
import { addMetrics } from "./mapMetrics.ts"
import { boundsOf, laneNameOf } from "./options.ts"
import { Overrides } from "./Overrides.ts"
import { format } from "./replication/messages.ts"
import { TypedMap } from "./TypedMap.ts"

/** Names of the maps that are open on a node. */
const openNames = new WeakMap<Cluster["Service"], Set<string>>()

/** Reserves the name of a map on a node until the scope closes. */
const reserve = (cluster: Cluster["Service"], name: string) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const names = openNames.get(cluster) ?? new Set()
      openNames.set(cluster, names)
      if (names.has(name)) {
        const problem = `the map "${name}" is already open on this node. Open it once, and share it as a service`
        return Effect.fail(new OptionsError({ option: "name", problem }))
      }
      names.add(name)
      return Effect.succeed(names)
    }),
    (names) => Effect.sync(() => names.delete(name)),
  )

export const open = <K, V>(name: string, options: Options<K, V>) => openObserved(name, options, undefined)

/** Opens a map whose steps an observer follows. */
export const openObserved = Effect.fnUntraced(function* <K, V>(
  name: string,
  options: Options<K, V>,
  observer: MapObserver<K, V> | undefined,
) {
  const cluster = yield* Cluster
  const { u32 } = yield* Entropy
  const bounds = yield* boundsOf(options.limits)
  const laneName = yield* laneNameOf(name)
  yield* reserve(cluster, name)
  const lane = yield* cluster.lane(laneName, { format: `${format} ${cluster.serialization.format}` })
  const metrics = addMetrics(cluster.metrics, laneName, name)
  const map = yield* TypedMap.make({
    name,
    schemas: options,
    bounds,
    cluster,
    lane,
    parts: yield* Overrides,
    count: metrics.count,
    // 48 bits: two instances of one name must not be taken for one another.
    epoch: u32() * 2 ** 16 + (u32() & 0xffff),
    nonce: u32(),
    observer,
  })
  yield* Effect.acquireRelease(
    Effect.sync(() => metrics.observe(map)),
    (remove) => Effect.sync(remove),
  )
  yield* addComponent({ kind: "map", name, describe: map.describe })
  return map.service()
})
