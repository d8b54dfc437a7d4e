/**
 * Node that serves its metrics to Prometheus: `node metrics.ts NAME PORT METRICS_PORT [SEED...]`. Port 0 picks any free
 * port.
 */
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"

const [name = "ann", port = "24868", metricsPort = "9464", ...seeds] = process.argv.slice(2)

// #region metrics
const ClusterLive = Cluster.layer({ cluster: "hello", name, seeds }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: Number(port) })),
)

/** Serves all metrics of the process, including the metrics of the node, at /metrics. */
const MetricsLive = HttpRouter.serve(PrometheusMetrics.layerHttp(), { disableLogger: true }).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: Number(metricsPort) })),
)
// #endregion

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const self = yield* cluster.self
  yield* Effect.log(`${name} is a peer at ${self.addresses[0]}`)
  return yield* Effect.never
})

program.pipe(Effect.provide(Layer.merge(ClusterLive, MetricsLive)), NodeRuntime.runMain)
