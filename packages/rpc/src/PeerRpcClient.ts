/**
 * Makes requests to the peers of a cluster, by the RPC of Effect.
 *
 * ```ts
 * const program = Effect.gen(function* () {
 *   const bob = yield* PeerRpcClient.make(Work, "bob")
 *   const answer = yield* bob.Resize({ image: "cat.png" })
 * })
 * program.pipe(Effect.scoped, Effect.provide(PeerRpcClient.layer()))
 * ```
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
import * as Calls from "./internal/Calls.ts"
import type * as Wire from "./internal/Wire.ts"

export type Options = Wire.Options

/** What the clients of all peers share: the requests of this node that are under way. */
export class PeerRpcClient extends Context.Service<PeerRpcClient, Calls.Calls>()("@coterie/rpc/PeerRpcClient") {}

/**
 * Requests to all peers that serve a service. Messages are encoded by the `RpcSerialization` that is provided, which must be
 * that of the servers, and as JSON if none is.
 */
export const layer = (options: Options = {}): Layer.Layer<PeerRpcClient, OptionsError, Cluster> =>
  Layer.effect(PeerRpcClient)(Effect.flatMap(Cluster, (cluster) => Calls.make(cluster, options)))

/** Effect's client protocol for one peer, for `RpcClient.make`. */
export const layerProtocol = (peer: PeerRef): Layer.Layer<RpcClient.Protocol, never, PeerRpcClient> =>
  Layer.effect(RpcClient.Protocol)(Effect.flatMap(PeerRpcClient, ({ protocol }) => protocol(peer)))

/**
 * A client of a group at one peer, for as long as the scope is open: also while the peer is not there, and for all of its lives.
 * Making one costs little, and it holds nothing at the peer.
 *
 * Whatever keeps a request from being answered is an `RpcClientError`; `RequestLost.causeOf` tells what it was. A
 * request has no time limit of its own, since the end of a session is noticed: bound the work with `Effect.timeout`.
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
    Effect.flatMap(protocol(peer), (its) =>
      Effect.provideService(RpcClient.make<Rpcs, Flatten>(group, options), RpcClient.Protocol, its),
    ),
  )
