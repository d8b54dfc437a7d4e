import { Cluster } from "@coterie/core"
import { NodeDiscovery, NodeTransport } from "@coterie/node-transport"
import { Layer, Schedule } from "effect"

/** Runs a node that reads the addresses of its peers from a file: `HOST` or `HOST:PORT` on each line. Port 0 is any free port. */
export const layer = (name: string, path: string) =>
  Cluster.layer({
    cluster: "shop",
    name,
    policies: [NodeDiscovery.layerFile({ path, schedule: Schedule.spaced("1 second") })],
  }).pipe(Layer.provide(NodeTransport.layerTcp({ port: 0 })))
