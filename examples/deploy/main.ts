/** Program of docs/deploy.md: a node with an admin service, with all options from environment variables. */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import { Cluster } from "@coterie/core"
import { NodeDiscovery, NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"

/** Builds the admin service before the node starts, so that probes have a response from the beginning. */
const AdminLive = AdminNode.layerFromEnv().pipe(Layer.provide(Admin.layer()))

const MainLive = Cluster.layerStart.pipe(
  Layer.provideMerge(AdminLive), // Merge the readers and servers of the application with it.
  Layer.provideMerge(Cluster.layerFromEnv({ start: "manual", policies: [NodeDiscovery.layerFromEnv()] })),
  Layer.provide(NodeTransport.layerFromEnv()),
)

/** Waits until the node has stopped. Fails unless it left on its own, so that a supervisor restarts the process. */
const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped)

NodeRuntime.runMain(Effect.provide(main, MainLive))
