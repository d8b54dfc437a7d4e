/**
 * Clients of Effect's RPC for the peers of a cluster.
 *
 * ```ts
 * const program = Effect.gen(function* () {
 *   const bob = yield* PeerRpcClient.make(Work, "bob")
 *   const answer = yield* bob.Resize({ image: "cat.png" })
 * })
 * program.pipe(Effect.scoped, Effect.provide(PeerRpcClient.layer()))
 * ```
 *
 * @since 0.1.0
 */
import { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type { PeerRef } from "@coterie/core/Peer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Scope from "effect/Scope"
import * as ClientProtocol from "./internal/client/ClientProtocol.ts"

/**
 * Options of {@link layer}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Name of the service: 1 to 115 bytes, the same at the peers that serve it. Defaults to `default`. */
  readonly service?: string | undefined
}

/**
 * Requests in flight of this node, shared by the clients of all peers.
 *
 * @category services
 * @since 0.1.0
 */
export class PeerRpcClient extends Context.Service<
  PeerRpcClient,
  {
    /** Makes Effect's client protocol for one peer. */
    readonly protocol: (peer: PeerRef) => Effect.Effect<RpcClient.Protocol["Service"]>
  }
>()("@coterie/rpc/PeerRpcClient") {}

/**
 * Makes the service through which this node sends requests to all peers that serve the service.
 *
 * **Details**
 *
 * Messages are encoded by the `RpcSerialization` of the context, or as JSON if there is none. Servers must use the same
 * serialization. Fails with `OptionsError` if the name of the service is invalid.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<PeerRpcClient, OptionsError, Cluster> =>
  Layer.effect(PeerRpcClient)(Effect.flatMap(Cluster, (cluster) => ClientProtocol.make(cluster, options)))

/**
 * Provides Effect's client protocol for one peer, for `RpcClient.make`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerProtocol = (peer: PeerRef): Layer.Layer<RpcClient.Protocol, never, PeerRpcClient> =>
  Layer.effect(RpcClient.Protocol)(Effect.flatMap(PeerRpcClient, ({ protocol }) => protocol(peer)))

/**
 * Makes a client of a group at one peer, for as long as the scope is open. A client of a name is for all lives of the peer; a
 * client of a name and generation, such as a `Peer` of a view, is for that life only, and its requests fail with the reason
 * `Replaced` once another life has the name. A client of this node's own name needs no link.
 *
 * **Details**
 *
 * The peer may be absent when the client is made. A client costs little and holds nothing at the peer. A request that cannot be
 * answered fails with `RpcClientError`; `RequestLost.causeOf` returns its cause in terms of the cluster.
 *
 * **Gotchas**
 *
 * A request has no time limit of its own, because the end of a session ends its requests. Bound the work with `Effect.timeout`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Rpcs extends Rpc.Any, const Flatten extends boolean = false>(
  group: RpcGroup.RpcGroup<Rpcs>,
  peer: PeerRef,
  options?: NonNullable<Parameters<typeof RpcClient.make>[1]> & { readonly flatten?: Flatten | undefined },
): Effect.Effect<
  Flatten extends true ? RpcClient.RpcClient.Flat<Rpcs, RpcClientError> : RpcClient.RpcClient<Rpcs, RpcClientError>,
  never,
  PeerRpcClient | Rpc.MiddlewareClient<Rpcs> | Scope.Scope
> =>
  Effect.flatMap(PeerRpcClient, ({ protocol }) =>
    Effect.flatMap(protocol(peer), (ofPeer) =>
      Effect.provideService(RpcClient.make<Rpcs, Flatten>(group, options), RpcClient.Protocol, ofPeer),
    ),
  )
