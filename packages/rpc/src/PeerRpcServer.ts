/**
 * Serves the RPC of Effect to the peers of a cluster.
 *
 * ```ts
 * const WorkLive = PeerRpcServer.layer(Work).pipe(Layer.provide(WorkHandlers), Layer.provide(ClusterLive))
 * ```
 */
import { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type { PeerId } from "@coterie/core/Peer"
import * as Effect from "effect/Effect"
import type { Headers } from "effect/http/Headers"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Serving from "./internal/Serving.ts"

export type Options = Serving.Options

export { defaultLimit } from "./internal/Serving.ts"
export { defaultService } from "./internal/Wire.ts"

/**
 * Effect's server protocol over the links of this node, for `RpcServer.layer`. A session with a peer is one client: it is
 * disconnected, and what it asked for is interrupted, when the peer fails, leaves or loses its link. Messages are
 * encoded by the `RpcSerialization` that is provided, which must be that of the callers, and as JSON if none is.
 */
export const layerProtocol = (options: Options = {}): Layer.Layer<RpcServer.Protocol, OptionsError, Cluster> =>
  Layer.effect(RpcServer.Protocol)(Effect.flatMap(Cluster, (cluster) => Serving.make(cluster, options)))

/**
 * Serves a group to all peers. The options are those of {@link layerProtocol} and of Effect's `RpcServer.layer`, but that a
 * defect of a handler ends its own request only (`disableFatalDefects`): all callers of a node are one client here.
 */
export const layer = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: Options & NonNullable<Parameters<typeof RpcServer.layer>[1]> = {},
): Layer.Layer<never, OptionsError, Cluster | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs>> =>
  RpcServer.layer(group, { disableFatalDefects: true, ...options }).pipe(Layer.provide(layerProtocol(options)))

/**
 * Who made a request, from the headers that its handler and its middleware get: the peer of the link that it came on, whatever
 * the request says. `undefined` if it did not come from a peer.
 */
export const caller = (headers: Headers): PeerId | undefined => {
  const { [Serving.generationHeader]: generation, [Serving.nameHeader]: name } = headers
  return name === undefined ? undefined : { name, generation: Number(generation) }
}
