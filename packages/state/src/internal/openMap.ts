/** Opens an owned map on a node. */
import { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import { Entropy } from "@coterie/core/Entropy"
import * as Effect from "effect/Effect"
import { addComponent } from "./addComponent.ts"
import { entryRows } from "./contents.ts"
import type { Options } from "./Service.ts"
import type { MapObserver } from "./MapObserver.ts"
import { type MapRole, roleOf } from "./MapRole.ts"
import { addMetrics } from "./mapMetrics.ts"
import { boundsOf, checkMapName, laneNameOf } from "./options.ts"
import { Overrides } from "./Overrides.ts"
import { format } from "./replication/messages.ts"
import { TypedMap } from "./TypedMap.ts"

/** Names of the maps that are open on a node. */
const openNames = new WeakMap<Cluster["Service"], Set<string>>()

/** Reserves the name of a map on a node until the scope closes. */
const reserve = (cluster: Cluster["Service"], name: string, role: MapRole) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const names = openNames.get(cluster) ?? new Set()
      openNames.set(cluster, names)
      if (names.has(name)) {
        const problem = `${role.text} is already open on this node. Open it once, and share it as a service`
        return Effect.fail(new OptionsError({ option: "name", problem }))
      }
      names.add(name)
      return Effect.succeed(names)
    }),
    (names) => Effect.sync(() => names.delete(name)),
  )

/** Opens a map of the application. */
export const open = Effect.fnUntraced(function* <K, V>(name: string, options: Options<K, V>) {
  yield* checkMapName(name)
  const role = roleOf({ kind: "map", name })
  const map = yield* openAs(role, name, options)
  if (options.showContents === true) {
    const rows = entryRows(map.contents, options.value, role.keyOf)
    yield* addComponent({
      kind: "entries",
      name,
      describe: () => ({ facts: { entries: map.contents.size() }, rows: rows() }),
    })
  }
  return map.service()
})

/** Opens a map with a role, whose steps an observer follows. The name must be valid. */
export const openAs = Effect.fnUntraced(function* <K, V>(
  role: MapRole,
  name: string,
  options: Options<K, V>,
  observer?: MapObserver<K, V>,
) {
  const cluster = yield* Cluster
  const { u32 } = yield* Entropy
  const bounds = yield* boundsOf(options.limits, cluster.limits.messageBytes)
  const laneName = laneNameOf(name)
  yield* reserve(cluster, name, role)
  const lane = yield* cluster.lane(laneName, { format: `${format} ${cluster.serialization.format}` })
  const metrics = addMetrics(cluster.metrics, laneName, name)
  const map = yield* TypedMap.make({
    name,
    role,
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
  return map
})
