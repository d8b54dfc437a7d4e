import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { Config, Layer } from "effect"

/** Runs a node whose options come from variables with names of your own. A missing variable fails with `ConfigError`. */
export const layer = Cluster.layerConfig({
  cluster: Config.succeed("shop"),
  name: Config.String("POD_NAME"),
  seeds: Config.map(Config.String("PEERS"), (text) => text.split(",")),
}).pipe(Layer.provide(NodeTransport.layerConfig({ host: Config.String("POD_IP"), port: Config.Int("CLUSTER_PORT") })))
