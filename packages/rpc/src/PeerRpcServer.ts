/**
 * Servers of Effect's RPC for the peers of a cluster.
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { PeerRpcServer } from "@coterie/rpc"
 * import { Effect, Layer, Schema } from "effect"
 * import { Rpc, RpcGroup } from "effect/rpc"
 *
 * const Work = RpcGroup.make(
 *   Rpc.make("Resize", { payload: { image: Schema.String }, success: Schema.String }),
 * )
 *
 * const WorkHandlers = Work.toLayer({ Resize: ({ image }) => Effect.succeed(`small-${image}`) })
 *
 * const WorkLive = PeerRpcServer.layer(Work).pipe(
 *   Layer.provide(WorkHandlers),
 *   Layer.provideMerge(Cluster.layer({ cluster: "images", name: "bob" })),
 * )
 * ```
 *
 * @since 0.1.0
 */
import { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type { PeerId } from "@coterie/core/Peer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Headers } from "effect/http/Headers"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcServer from "effect/rpc/RpcServer"
import { HandlerEnds } from "./internal/server/HandlerEnds.ts"
import { peerOf } from "./internal/server/peerHeaders.ts"
import * as ServerProtocol from "./internal/server/ServerProtocol.ts"

/**
 * Options of {@link layer} and {@link layerProtocol}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Name of the service, 1 to 115 bytes. Clients and servers of a service use the same name. A node can serve a name
   * once: merge groups that belong together with `RpcGroup.merge`, and give other groups another name. Defaults to
   * `default`.
   */
  readonly service?: string | undefined
  /**
   * Maximum number of requests of one peer in flight. They include requests whose response the peer has not taken, and
   * requests whose handler still runs after the response, such as a `discard` request. With {@link layerProtocol}, a
   * handler that runs after the response does not count. A request beyond the limit fails with `RequestLost` and the
   * reason `Busy`. A larger limit lets a peer occupy more memory of the server. Defaults to 1,024.
   */
  readonly limit?: number | undefined
}

/**
 * Options of {@link layer}: the options of the service, and the options of Effect's `RpcServer.layer`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions extends Options {
  /** First part of the names of the spans of requests, before the name of the procedure. Absent by default. */
  readonly spanPrefix?: string | undefined
  /** Attributes of the spans of requests. */
  readonly spanAttributes?: Record<string, unknown> | undefined
  /** Disables the spans of requests. Defaults to `false`. */
  readonly disableTracing?: boolean | undefined
  /** Maximum number of handlers that run at one time, for the requests of all peers. Defaults to `unbounded`. */
  readonly concurrency?: number | "unbounded" | undefined
  /**
   * With `true`, a defect of a handler ends its own request only. With `false`, it ends all requests of the node that
   * made the request, because Effect's server sees all clients of a node as one client. Defaults to `true`.
   */
  readonly disableFatalDefects?: boolean | undefined
}

/**
 * Provides Effect's server protocol over the links of this node, for `RpcServer.layer`.
 *
 * **Details**
 *
 * - A session with a peer is one client of Effect's server. When the peer fails, leaves or loses its link, the server
 *   disconnects the client and interrupts the handlers of its requests.
 * - The `RpcSerialization` of the context encodes the messages. Without one they are JSON. Clients must use the same
 *   serialization.
 * - Fails with `OptionsError` if `limit` or the name of the service is invalid, or if this node already serves the
 *   name.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerProtocol = (options: Options = {}): Layer.Layer<RpcServer.Protocol, OptionsError, Cluster> =>
  layerServer(options)

/** Provides the protocol, and the middleware that counts handlers. */
const layerServer = (options: Options): Layer.Layer<RpcServer.Protocol | HandlerEnds, OptionsError, Cluster> =>
  Layer.effectContext(
    Effect.map(
      Effect.flatMap(Cluster, (cluster) => ServerProtocol.make(cluster, options)),
      ({ handlerEnds, protocol }) => Context.add(Context.make(RpcServer.Protocol, protocol), HandlerEnds, handlerEnds),
    ),
  )

/**
 * Serves a group to all peers.
 *
 * **Details**
 *
 * `limit` bounds the requests of one peer. `concurrency` bounds the handlers for all peers together. Fails with
 * `OptionsError` as {@link layerProtocol} does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: LayerOptions = {},
): Layer.Layer<never, OptionsError, Cluster | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs>> =>
  RpcServer.layer(counted(group), { disableFatalDefects: true, ...options }).pipe(Layer.provide(layerServer(options)))

/**
 * Adds the middleware that reports handlers to the protocol. `HandlerEnds` provides no service, adds no error and
 * requires nothing of clients, and {@link layerServer} provides it, so the group keeps its type.
 */
function counted<Rpcs extends Rpc.Any>(group: RpcGroup.RpcGroup<Rpcs>): RpcGroup.RpcGroup<Rpcs>
// TypeScript cannot reduce the type of an unknown group with a middleware.
function counted(group: RpcGroup.RpcGroup<Rpc.Any>): RpcGroup.RpcGroup<Rpc.Any> | RpcGroup.RpcGroup<never> {
  return group.middleware(HandlerEnds)
}

/**
 * Returns the peer that made a request. Takes the headers that handlers and middleware get.
 *
 * **Details**
 *
 * The peer is at the other end of the link that carried the request. Headers of the request cannot change it. Returns
 * `undefined` if the request did not come from a peer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const caller = (headers: Headers): PeerId | undefined => peerOf(headers)
