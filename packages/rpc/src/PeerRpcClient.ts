/**
 * Clients of Effect's RPC for the peers of a cluster.
 *
 * ```ts
 * import { PeerRpcClient } from "@coterie/rpc"
 * import { Effect, Schema } from "effect"
 * import { Rpc, RpcGroup } from "effect/rpc"
 *
 * const Work = RpcGroup.make(
 *   Rpc.make("Resize", { payload: { image: Schema.String }, success: Schema.String }),
 * )
 *
 * const program = Effect.gen(function* () {
 *   const bob = yield* PeerRpcClient.make(Work, "bob")
 *   return yield* bob.Resize({ image: "cat.png" })
 * }).pipe(Effect.scoped, Effect.provide(PeerRpcClient.layer()))
 * ```
 *
 * @since 0.1.0
 */
import { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type { PeerId, PeerRef } from "@coterie/core/Peer"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { askAll } from "./internal/client/askAll.ts"
import * as ClientProtocol from "./internal/client/ClientProtocol.ts"
import { causeOf } from "./RequestLost.ts"

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
 * Options of a client: those of Effect's `RpcClient.make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientOptions {
  /** First part of the names of the spans of requests, before the name of the procedure. Absent by default. */
  readonly spanPrefix?: string | undefined
  /** Attributes of the spans of requests. */
  readonly spanAttributes?: Record<string, unknown> | undefined
  /** Disables the spans of requests. Defaults to `false`. */
  readonly disableTracing?: boolean | undefined
}

/**
 * Client of these procedures at one peer: a method for each, which returns an `Effect`, or a `Stream` if the procedure streams.
 *
 * @category models
 * @since 0.1.0
 */
export type Client<Rpcs extends Rpc.Any> = RpcClient.RpcClient<Rpcs, RpcClientError>

/**
 * Client of these procedures at one peer as a single function, which takes the tag of the procedure.
 *
 * @category models
 * @since 0.1.0
 */
export type FlatClient<Rpcs extends Rpc.Any> = RpcClient.RpcClient.Flat<Rpcs, RpcClientError>

/**
 * Client of a group at one peer, such as `FromGroup<typeof Work>`.
 *
 * @category models
 * @since 0.1.0
 */
export type FromGroup<Group> = Client<RpcGroup.Rpcs<Group>>

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
    /** Members that are in the view now: this node, and the peers. */
    readonly members: Effect.Effect<{ readonly self: PeerId; readonly peers: ReadonlyArray<PeerId> }>
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
  options?: ClientOptions & {
    /** Makes the client a single function that takes the tag of a procedure. Defaults to `false`. */
    readonly flatten?: Flatten | undefined
  },
): Effect.Effect<
  Flatten extends true ? FlatClient<Rpcs> : Client<Rpcs>,
  never,
  PeerRpcClient | Rpc.MiddlewareClient<Rpcs> | Scope.Scope
> =>
  Effect.flatMap(PeerRpcClient, ({ protocol }) =>
    Effect.flatMap(protocol(peer), (ofPeer) =>
      Effect.provideService(RpcClient.make<Rpcs, Flatten>(group, options), RpcClient.Protocol, ofPeer),
    ),
  )

/** Number of peers that are asked at one time by default: enough to hide the round trips, and few requests in memory. */
const defaultConcurrency = 32

/** Time for the answers of all peers by default: that of a confirmed message. */
const defaultTimeout: Duration.Input = "30 seconds"

/**
 * Options of {@link all} and {@link streamAll}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AllOptions {
  /**
   * Peers to ask. Defaults to all peers of the view, without those that do not serve the service. A peer that is given here has
   * an answer in any case: `NotReading` if it does not serve the service.
   */
  readonly peers?: ReadonlyArray<PeerId> | undefined
  /** `true` asks this node as well, if it serves the service. Has no effect together with `peers`. Defaults to `false`. */
  readonly self?: boolean | undefined
  /** Maximum number of peers that are asked at one time. Defaults to 32. */
  readonly concurrency?: number | "unbounded" | undefined
  /**
   * Time for the answers of all peers together. When it is over, each request in flight is interrupted and fails with
   * `TimeoutError`, and so does each that has not been sent. Defaults to 30 seconds.
   */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Answer of one peer, or the reason why it has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<A, E> {
  /** Peer that was asked. */
  readonly peer: PeerId
  readonly exit: Exit.Exit<A, E | Cause.TimeoutError>
}

/** Returns `true` if the error says that the peer does not serve the service. */
const servesNot = (error: unknown): boolean => {
  const cause = error instanceof RpcClientError ? causeOf(error) : undefined
  return cause?._tag === "SendError" && cause.reason._tag === "NotReading"
}

/**
 * Makes a request to every peer that serves the service, and returns the answers as they come.
 *
 * **Details**
 *
 * `request` gets a client of one peer, and may make several requests with it. A request that fails ends no other one. A peer
 * without a link may serve the service, so it has an answer: `NotConnected`. The end of the stream interrupts the requests that
 * are in flight, and their handlers.
 *
 * @see {@link all} to wait for all answers
 * @category requests
 * @since 0.1.0
 */
export const streamAll = <Rpcs extends Rpc.Any, A, E, R>(
  group: RpcGroup.RpcGroup<Rpcs>,
  request: (client: Client<Rpcs>, peer: PeerId) => Effect.Effect<A, E, R>,
  options: AllOptions = {},
): Stream.Stream<Answer<A, E>, never, PeerRpcClient | Rpc.MiddlewareClient<Rpcs> | Exclude<R, Scope.Scope>> =>
  Stream.unwrap(
    Effect.map(
      Effect.flatMap(PeerRpcClient, ({ members }) =>
        options.peers === undefined
          ? Effect.map(members, ({ peers, self }) => (options.self === true ? [self, ...peers] : peers))
          : Effect.succeed(options.peers),
      ),
      (peers) =>
        askAll({
          peers,
          ask: (peer) => Effect.scoped(Effect.flatMap(make(group, peer), (client) => request(client, peer))),
          isAbsent: (error) => options.peers === undefined && servesNot(error),
          concurrency: options.concurrency ?? defaultConcurrency,
          timeout: options.timeout ?? defaultTimeout,
        }),
    ),
  )

/**
 * Makes a request to every peer that serves the service, and waits for all answers, in the order in which they come. The rest is
 * as with {@link streamAll}.
 *
 * @category requests
 * @since 0.1.0
 */
export const all = <Rpcs extends Rpc.Any, A, E, R>(
  group: RpcGroup.RpcGroup<Rpcs>,
  request: (client: Client<Rpcs>, peer: PeerId) => Effect.Effect<A, E, R>,
  options?: AllOptions,
): Effect.Effect<
  ReadonlyArray<Answer<A, E>>,
  never,
  PeerRpcClient | Rpc.MiddlewareClient<Rpcs> | Exclude<R, Scope.Scope>
> => Stream.runCollect(streamAll(group, request, options))
