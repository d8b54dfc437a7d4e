import { Cluster } from "@coterie/core"
import { Keyring, NodeTransport } from "@coterie/node-transport"
import { Layer } from "effect"

/** Runs a node that connects with the hosts of two networks, but not with those of a part of them, and bounds strangers. */
export const layer = (name: string, options: NodeTransport.SecretOptions) =>
  Cluster.layer({ cluster: "shop", name, seeds: ["web-1", "web-2"] }).pipe(
    Layer.provide(
      NodeTransport.layerSecret({
        ...options,
        networks: { allow: ["10.0.0.0/8", "fd00::/8"], deny: ["10.66.0.0/16"] },
        strangers: { connectionsPerSecond: 20 },
      }),
    ),
    Layer.provide(Keyring.layerFromEnv()),
  )
