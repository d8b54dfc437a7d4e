/**
 * Node with an admin service, whose options are environment variables. Tests cut it off, stop it and kill it, so it notices a
 * lost peer sooner than with the defaults, and suspects it for longer than several questions to a node that stands still take.
 */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"

const policies = [
  FailureDetector.layer({
    heartbeat: "300 millis",
    linkTimeout: "1 second",
    probeTimeout: "300 millis",
    suspicionMin: "4 seconds",
    suspicionMax: "6 seconds",
  }),
  Reconnect.layer(Schedule.spaced("300 millis")),
]

const NodeLive = AdminNode.layerFromEnv().pipe(
  Layer.provide(Admin.layer()),
  Layer.provideMerge(Cluster.layerFromEnv({ policies })),
  Layer.provide(NodeTransport.layerFromEnv()),
)

NodeRuntime.runMain(
  Effect.provide(
    Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped),
    NodeLive,
  ),
)
