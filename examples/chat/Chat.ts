/** Services of one instance, without its network and its HTTP server. */
import { PeerRpcClient } from "@coterie/rpc"
import { Layer } from "effect"
import type { Duration } from "effect"
import * as Profiles from "../recipes/cacheInvalidation.ts"
import * as Presence from "../recipes/presence.ts"
import * as Connections from "./Connections.ts"
import * as Delivery from "./Delivery.ts"
import * as Instances from "./Instances.ts"
import * as Reports from "./Reports.ts"

export interface Options {
  /** Interval of the job. */
  readonly reportEvery: Duration.Input
}

export const layer = ({ reportEvery }: Options) =>
  Layer.mergeAll(Delivery.layer, Instances.layer, Reports.layer(reportEvery)).pipe(
    Layer.provideMerge(Connections.layer),
    Layer.provideMerge(Layer.mergeAll(Presence.layer, Profiles.layer, PeerRpcClient.layer())),
  )
