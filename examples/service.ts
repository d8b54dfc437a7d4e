/** Service of docs/operations.md, section "Manual start", and of docs/recipes/configuration.md. */
// #region service
import { Cluster } from "@coterie/core"
import { NodeDiscovery, NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"

/** Runs a node with options from environment variables. The node starts once the readers are built. */
export const layer = <E, R>(readers: Layer.Layer<never, E, R>) =>
  Cluster.layerStart.pipe(
    Layer.provideMerge(readers),
    Layer.provideMerge(Cluster.layerFromEnv({ start: "manual", policies: [NodeDiscovery.layerFromEnv()] })),
  )

/** Waits until the node has stopped. Fails unless it left on its own, so that a supervisor starts the process again. */
export const run = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped)

/** Runs the service on TLS if there is a secret, and on TCP if there is none. */
export const main = <E>(readers: Layer.Layer<never, E, Cluster.Cluster>) =>
  run.pipe(Effect.provide(layer(readers).pipe(Layer.provide(NodeTransport.layerFromEnv()))))

if (import.meta.main) NodeRuntime.runMain(main(Layer.empty))
// #endregion
