import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { Sales } from "./orders.ts"

/** Needs `COTERIE_CLUSTER`, and reads `COTERIE_NAME`, `COTERIE_SEEDS`, `COTERIE_HOST` and `COTERIE_PORT`. */
const Live = Cluster.layerStart.pipe(
  Layer.provideMerge(Sales.layer), // All readers are built before `layerStart`.
  Layer.provideMerge(Cluster.layerFromEnv({ start: "manual" })),
  Layer.provide(NodeTransport.layerFromEnv()),
)

/** Waits until the node has stopped. Fails unless it left on its own, so that a supervisor restarts the process. */
const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped)

NodeRuntime.runMain(Effect.provide(main, Live))
