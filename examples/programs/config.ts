import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { Config, Layer } from "effect"

const transport = NodeTransport.layerConfig({
  host: Config.String("POD_IP"),
  port: Config.Int("CLUSTER_PORT"),
  secret: Config.Redacted("SHOP_SECRET"),
})

/** Runs a node that encrypts, and admits the processes with the secret. A missing variable fails with `ConfigError`. */
export const layer = Cluster.layerConfig({ cluster: Config.succeed("shop"), name: Config.String("POD_NAME") }).pipe(
  Layer.provide(transport),
)
