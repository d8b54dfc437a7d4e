import { Cluster } from "@coterie/core"
import { Keyring, NodeTransport } from "@coterie/node-transport"
import { Layer } from "effect"

/** Runs a node that encrypts, and admits the processes that have the secret in `COTERIE_SECRET` or in `COTERIE_SECRET_FILE`. */
export const layer = (name: string, options: NodeTransport.SecretOptions) =>
  Cluster.layer({ cluster: "shop", name, seeds: ["web-1", "web-2"] }).pipe(
    Layer.provide(NodeTransport.layerSecret(options)),
    Layer.provide(Keyring.layerFromEnv()),
  )
