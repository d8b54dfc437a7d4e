import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { Config, Layer } from "effect"

const tcp = NodeTransport.layerConfig({
  host: Config.String("POD_IP"),
  port: Config.Int("CLUSTER_PORT"),
  insecure: Config.succeed(true),
})

/** Runs a node in a network that you trust. A missing variable fails with `ConfigError`. */
export const layer = Cluster.layerConfig({ cluster: Config.succeed("shop"), name: Config.String("POD_NAME") }).pipe(
  Layer.provide(tcp),
)
