import { Cluster } from "@coterie/core"
import { NodeDiscovery, NodeTransport } from "@coterie/node-transport"
import { Layer } from "effect"

interface Options extends NodeTransport.Options {
  readonly name: string
}

/**
 * Runs a node in a network that you trust. It looks the SRV records of a service up every 30 seconds. `host: "0.0.0.0"` listens on all
 * interfaces, and `advertise` is the address at which peers reach this node.
 */
export const layer = ({ name, ...options }: Options) =>
  Cluster.layer({
    cluster: "shop",
    name,
    policies: [NodeDiscovery.layerSrv({ name: "_coterie._tcp.shop.internal", resolver: options.resolver })],
  }).pipe(Layer.provide(NodeTransport.layerTcp({ ...options, insecure: true })))
