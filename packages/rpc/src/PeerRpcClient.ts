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
import { OptionsError } from "@coterie/core/ClusterError"
import type { PeerId, PeerRef } from "@coterie/core/Peer"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
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
import * as PickKey from "./internal/client/PickKey.ts"
import { causeOf } from "./RequestLost.ts"

/**
 * Options of {@link layer}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Name of the service, 1 to 115 bytes. Clients and servers of a service use the same name. Defaults to `default`. */
  readonly service?: string | undefined
}

/**
 * Options of a client, which are options of Effect's `RpcClient.make`.
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
 * Client of these procedures at one peer. It has a method for each procedure, which returns an `Effect`, or a `Stream`
 * if the procedure streams.
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
 * Options of the protocol of {@link any}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyProtocolOptions {
  /** Rule that picks a peer. With `key`, the client passes the key of each request. */
  readonly rule: "leastRequests" | "nearest" | "key"
  /** `true` if this node may be picked. */
  readonly includesSelf: boolean
  /** Maximum number of peers that get a request. */
  readonly attempts: number
  /** Time to wait for a peer that serves. */
  readonly wait: Duration.Duration
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
    /** Makes Effect's client protocol for any peer that serves the service. */
    readonly anyProtocol: (options: AnyProtocolOptions) => Effect.Effect<RpcClient.Protocol["Service"]>
    /** Members that are in the view now: this node, and the peers. */
    readonly members: Effect.Effect<{ readonly self: PeerId; readonly peers: ReadonlyArray<PeerId> }>
  }
>()("@coterie/rpc/PeerRpcClient") {}

/**
 * Provides the service through which this node sends requests to the peers.
 *
 * **Details**
 *
 * The `RpcSerialization` of the context encodes the messages. Without one they are JSON. Servers must use the same
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
 * Makes a client of a group at one peer, which is valid while the scope is open.
 *
 * **Details**
 *
 * - A client of a name serves all lives of the peer. A client of a name and generation, such as a `Peer` of a view,
 *   serves that life only. Its requests fail with the reason `Replaced` once another life has the name.
 * - A client of this node's own name needs no link.
 * - The peer may be absent when the client is made. A client costs little and holds nothing at the peer.
 * - A request without a response fails with `RpcClientError`. `RequestLost.causeOf` returns its cause in terms of
 *   the cluster.
 *
 * **Gotchas**
 *
 * A request has no time limit of its own, because the end of a session ends its requests. Bound the work with
 * `Effect.timeout`.
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

/**
 * Default number of peers that get a request of {@link any}. When three peers refuse a request, the others are mostly
 * busy as well, and each further attempt would add to their load.
 */
const defaultAttempts = 3

/** Default time to wait for a peer that serves. A node that has just started gets its links in less. */
const defaultWait: Duration.Input = "1 second"

/**
 * Request of a client of these procedures, as {@link AnyOptions} pass it to the function of the key.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestOf<Rpcs extends Rpc.Any> = Rpcs extends Rpc.Any
  ? { readonly tag: Rpcs["_tag"]; readonly payload: Rpc.Payload<Rpcs> }
  : never

/**
 * Options of {@link any}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyOptions<Rpcs extends Rpc.Any, Flatten extends boolean = false> extends ClientOptions {
  /**
   * Rule that picks a peer for each request. Defaults to `leastRequests`.
   *
   * - `leastRequests`: of two random peers, the one with fewer requests of this node in flight.
   * - `nearest`: as `leastRequests`, of the peers whose round-trip time is at most twice the lowest. This node itself has
   *   the time zero. Measures each peer at most once in 10 seconds, in the background, and uses all peers until the
   *   first measurement.
   * - `{ key }`: the peer that rendezvous hashing gives the key of the request. All nodes with the same peers pick the
   *   same peer, and a peer that comes or goes moves only its own keys.
   */
  readonly pick?:
    | "leastRequests"
    | "nearest"
    | {
        /** Returns the key of a request. */
        readonly key: (request: RequestOf<Rpcs>) => string
      }
    | undefined
  /** `false` never picks this node. By default this node is picked as any other if it serves the service. */
  readonly self?: boolean | undefined
  /**
   * Maximum number of peers that get a request: the first one, and others after peers that refused it (`Busy`). A peer
   * to which the request was not sent does not count. Defaults to 3. A larger number finds a free peer more often, and
   * adds to the load of busy ones.
   */
  readonly attempts?: number | undefined
  /**
   * Time to wait for a peer while none serves the service. After it, the request fails with `NotServed`. Defaults to 1
   * second. Zero fails at once. A longer time bridges restarts, and holds more requests while no peer serves.
   */
  readonly wait?: Duration.Input | undefined
  /** Makes the client a single function that takes the tag of a procedure. Defaults to `false`. */
  readonly flatten?: Flatten | undefined
}

/**
 * Makes a client of a group whose requests go to any node that serves the service. Each request picks a peer.
 *
 * **Details**
 *
 * - The candidates are the peers with a link that announce the service, and this node if it serves.
 * - A request that certainly was not carried out is made to another peer: after every `SendError` that concerns one peer
 *   only, and after `Busy`. It is never made again after an error with `maybeDelivered`, so it is carried out at most
 *   once. It fails with the last error.
 * - Streams and `discard` requests are picked in the same way. A stream comes from one peer, from its start to its end.
 * - While no peer serves, a request waits for one, up to `wait`. Then it fails with `RequestLost` and the reason
 *   `NotServed`.
 * - A defect that ends all requests of this node at a peer fails them with `RpcClientError`. Requests at other peers
 *   continue.
 * - Fails with `OptionsError` if `attempts` is not an integer of at least 1.
 *
 * **Gotchas**
 *
 * Two nodes can pick different peers for one key, while they see different peers. A key is not a lock.
 *
 * **Example** (Spreading requests, and sending requests of one user to one peer)
 *
 * ```ts
 * import { PeerRpcClient } from "@coterie/rpc"
 * import { Effect, Schema } from "effect"
 * import { Rpc, RpcGroup } from "effect/rpc"
 *
 * const Work = RpcGroup.make(
 *   Rpc.make("Resize", { payload: { user: Schema.String, image: Schema.String }, success: Schema.String }),
 * )
 *
 * const program = Effect.gen(function* () {
 *   const work = yield* PeerRpcClient.any(Work)
 *   const sticky = yield* PeerRpcClient.any(Work, { pick: { key: ({ payload }) => payload.user } })
 *   return [
 *     yield* work.Resize({ user: "ada", image: "cat.png" }),
 *     yield* sticky.Resize({ user: "ada", image: "dog.png" }),
 *   ]
 * }).pipe(Effect.scoped, Effect.provide(PeerRpcClient.layer()))
 * ```
 *
 * @see {@link make} for one peer by its name
 * @see {@link all} for a request to every peer
 * @category constructors
 * @since 0.1.0
 */
export const any = <Rpcs extends Rpc.Any, const Flatten extends boolean = false>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: AnyOptions<Rpcs, Flatten> = {},
): Effect.Effect<
  Flatten extends true ? FlatClient<Rpcs> : Client<Rpcs>,
  OptionsError,
  PeerRpcClient | Rpc.MiddlewareClient<Rpcs> | Scope.Scope
> =>
  Effect.gen(function* () {
    const { attempts = defaultAttempts, pick = "leastRequests", self = true, wait = defaultWait } = options
    if (!Number.isInteger(attempts) || attempts < 1) {
      return yield* new OptionsError({ option: "attempts", problem: "attempts must be an integer of at least 1" })
    }
    const rule = typeof pick === "string" ? pick : "key"
    const { anyProtocol } = yield* PeerRpcClient
    const protocol = yield* anyProtocol({
      rule,
      includesSelf: self,
      attempts,
      wait: Duration.fromInputUnsafe(wait),
    })
    if (typeof pick === "string") {
      return yield* Effect.provideService(RpcClient.make<Rpcs, Flatten>(group, options), RpcClient.Protocol, protocol)
    }
    const client = RpcClient.make<Rpcs, Flatten>(PickKey.keyed(group), options)
    return yield* client.pipe(
      Effect.provideService(RpcClient.Protocol, protocol),
      Effect.provide(PickKey.layer(pick.key)),
    )
  })

/** Default number of peers to ask at one time. It hides the round trips and keeps few requests in memory. */
const defaultConcurrency = 32

/** Default time for the responses of all peers. It is the default timeout of an acknowledged send. */
const defaultTimeout: Duration.Input = "30 seconds"

/**
 * Options of {@link all} and {@link streamAll}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AllOptions {
  /**
   * Peers to ask. Each of them has an {@link Answer}, which is `NotReading` if the peer does not serve the service.
   * Defaults to all peers of the view. Peers that do not serve the service then have none.
   */
  readonly peers?: ReadonlyArray<PeerId> | undefined
  /**
   * `false` leaves this node out. By default this node is asked as well if it serves the service. Has no effect together
   * with `peers`.
   */
  readonly self?: boolean | undefined
  /** Maximum number of peers to ask at one time. Defaults to 32. */
  readonly concurrency?: number | "unbounded" | undefined
  /**
   * Time for the responses of all peers together. After it, requests in flight are interrupted, and the {@link Answer}
   * of each remaining peer is `TimeoutError`. Defaults to 30 seconds.
   */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Response of one peer, or the reason why there is none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<A, E> {
  /** Peer that got the request. */
  readonly peer: PeerId
  readonly exit: Exit.Exit<A, E | Cause.TimeoutError>
}

/** Returns `true` if the error says that the peer does not serve the service. */
const servesNot = (error: unknown): boolean => {
  const cause = error instanceof RpcClientError ? causeOf(error) : undefined
  return cause?._tag === "SendError" && cause.reason._tag === "NotReading"
}

/**
 * Makes a request to every peer that serves the service, and to this node if it serves. Emits each {@link Answer}
 * when it arrives.
 *
 * **Details**
 *
 * - `request` gets a client of one peer and may make several requests with it.
 * - A failed request does not end the requests to other peers.
 * - A peer without a link may serve the service, so its {@link Answer} is `NotConnected`.
 * - The end of the stream interrupts the requests in flight and their handlers.
 *
 * @see {@link all} to wait for all peers
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
          ? Effect.map(members, ({ peers, self }) => (options.self === false ? peers : [self, ...peers]))
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
 * Makes a request to every peer that serves the service, and to this node if it serves. Returns the {@link Answer} of
 * each peer in the order of arrival. The details of {@link streamAll} apply.
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
