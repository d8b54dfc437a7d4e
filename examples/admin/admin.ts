/**
 * Node with an admin service: `node admin.ts NAME PORT ADMIN_PORT [SEED...]`. Port 0 picks any free port.
 */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Layer } from "effect"

const [name = "ann", port = "24868", adminPort = "24869", ...seeds] = process.argv.slice(2)

// #region admin
const ClusterLive = Cluster.layer({ cluster: "hello", name, seeds }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: Number(port) })),
)

/** Serves the state of the node and of the cluster to this machine. */
const AdminLive = AdminNode.layer({ port: Number(adminPort) }).pipe(Layer.provide(Admin.layer()))
// #endregion

NodeRuntime.runMain(Layer.launch(Layer.provideMerge(AdminLive, ClusterLive)))
