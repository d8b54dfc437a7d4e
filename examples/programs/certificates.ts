import { Admission, Cluster } from "@coterie/core"
import { Certificates, NodeTransport } from "@coterie/node-transport"
import { Layer } from "effect"

/** Returns the name that belongs to a peer in its certificate. */
const nameOf = (peer: string) => `spiffe://example.org/shop/${peer}`

/** Runs a node that encrypts, and admits the peers whose certificates have their names. The paths of its files are in `COTERIE_TLS_…_FILE`. */
export const layer = (name: string, options: Omit<NodeTransport.TlsOptions, "trust">) =>
  Cluster.layer({
    cluster: "shop",
    name,
    seeds: ["web-1", "web-2"],
    policies: [Admission.layerNamed((peer) => [nameOf(peer)])],
  }).pipe(
    Layer.provide(NodeTransport.layerTls({ ...options, trust: [nameOf("*")] })),
    Layer.provide(Certificates.layerFromEnv()),
  )
