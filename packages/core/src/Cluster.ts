/**
 * The front door. One layer makes this process a peer; the service tells who else is there, takes
 * messages and gives them.
 *
 * ```ts
 * const ClusterLive = Cluster.layer({ cluster: "hello" }).pipe(
 *   Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 }))
 * )
 * ```
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Address } from "./Address.ts"
import { make } from "./cluster/assemble.ts"
import type { JoinError, OptionsError, SendError } from "./ClusterError.ts"
import type { ClusterEvent, View } from "./ClusterEvent.ts"
import type { BroadcastReport, Lane, SendOptions, Sent } from "./Lane.ts"
import type { Limits } from "./Limits.ts"
import type { Message } from "./Message.ts"
import type { Peer, PeerRef } from "./Peer.ts"
import type { Transport, TransportError } from "./Transport.ts"

/** How a node takes part. Only `cluster` is required. */
export interface Options {
  /** The name of the cluster: 1 to 128 bytes. Peers of another one are refused. */
  readonly cluster: string
  /** This node's name, unique in the cluster and the same after a restart. Default: 128 random bits in hex. */
  readonly name?: string | undefined
  /** Addresses to ask for peers at the start and ever after, `host:port`. */
  readonly seeds?: ReadonlyArray<string> | undefined
  /** Addresses to tell others, the best first. Default: the one that the transport listens on. */
  readonly advertise?: ReadonlyArray<string> | undefined
  /** What this node tells others about itself: at most 8 KiB. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Whether what this node sends carries the span that sends it, so that who reads it can go on with the trace. Default: `false`. */
  readonly tracing?: boolean | undefined
  /** Bounds that should not be the default. */
  readonly limits?: Partial<Limits> | undefined
}

/** This node, as others see it. */
export interface Self {
  readonly name: string
  /** Numbers the lives of the name. */
  readonly generation: number
  readonly addresses: ReadonlyArray<Address>
  readonly metadata: Readonly<Record<string, string>>
}

/** A node of the cluster, running. */
export class Cluster extends Context.Service<
  Cluster,
  {
    readonly self: Effect.Effect<Self>
    /** The members that are alive or suspected, this node not included. */
    readonly peers: Effect.Effect<ReadonlyArray<Peer>>
    /** The same as a snapshot by name. */
    readonly view: Effect.Effect<View>
    /** The view now and whenever it changed; a slow reader gets the newest and skips what was between. */
    readonly views: Stream.Stream<View>
    /**
     * A `Snapshot` and then every change in order. A reader that is more than `limits.eventBuffer` events
     * behind gets `Lagged` and a new `Snapshot`.
     */
    readonly events: Stream.Stream<ClusterEvent>
    /**
     * The messages, in order per sender. Reading gives credit back to the senders: an inbox that is not
     * read makes them wait, and nothing else. Several runs of the stream share the messages, and
     * one that ends early, as with `Stream.take`, takes up to 256 with it that it had pulled: read the inbox in one
     * place. It ends when this node has left. `Stream.runForEachArray` is the fast way to read it.
     */
    readonly inbox: Stream.Stream<Message>
    /**
     * Meets the peer at an address, and through it all others; the address is asked again ever after.
     * While nobody answers it tries again under the `Reconnect` policy, so bound it with
     * `Effect.timeout` if you must; it fails only for what trying again cannot mend.
     */
    readonly join: (address: string) => Effect.Effect<Peer, JoinError>
    /**
     * Sends bytes or text to one peer, directly. Succeeds when the link accepted the message, which waits
     * while the peer's inbox is full; with `confirm`, when the peer's reader took it. Messages of one sender arrive in
     * order, at most once; what was accepted before a link ends may be lost. The bytes must not be changed afterwards.
     */
    readonly send: (
      peer: PeerRef,
      payload: Uint8Array | string,
      options?: SendOptions,
    ) => Effect.Effect<Sent, SendError>
    /**
     * Sends many messages to one peer, in this order: the same as `send` for each, and much faster for small ones. If one
     * of them is not accepted it fails, and says how many were accepted before. If one is too large none is sent.
     */
    readonly sendAll: (peer: PeerRef, payloads: ReadonlyArray<Uint8Array | string>) => Effect.Effect<Sent, SendError>
    /**
     * Sends to every peer and reports for each. A peer whose inbox stays full for
     * `limits.slowPeerTimeout` is skipped. Fails only if the message can be sent to nobody: it is too large, or
     * this node has left.
     */
    readonly broadcast: (payload: Uint8Array | string) => Effect.Effect<BroadcastReport, SendError>
    /** Messages under a name of 1 to 128 bytes, to and from those who read it: what topics and requests are made of. */
    readonly lane: (name: string) => Effect.Effect<Lane, OptionsError>
    /** Parts from a peer: both forget each other, and neither dials the other until one joins it again. */
    readonly disconnect: (peer: PeerRef) => Effect.Effect<void>
    /** Replaces what this node tells others about itself. */
    readonly updateMetadata: (metadata: Readonly<Record<string, string>>) => Effect.Effect<void, OptionsError>
    /**
     * Leaves: tells all peers, waits for their acknowledgements for up to five seconds, closes everything.
     * Closing the layer's scope does the same.
     */
    readonly leave: Effect.Effect<void>
  }
>()("@coterie/core/Cluster") {}

/** What can keep a node from starting. */
export type LayerError = OptionsError | TransportError

/** A node over the transport that is provided; it leaves when the scope of the layer closes. */
export const layer = (options: Options): Layer.Layer<Cluster, LayerError, Transport> =>
  Layer.effect(Cluster, make(options))

/**
 * Options from the configuration: `COTERIE_CLUSTER` (required), `COTERIE_NAME`, `COTERIE_SEEDS` and
 * `COTERIE_ADVERTISE` (lists separated by commas).
 */
export const config: Config.Config<Options> = Config.all({
  cluster: Config.String("COTERIE_CLUSTER"),
  name: Config.option(Config.String("COTERIE_NAME")),
  seeds: Config.withDefault(Config.String("COTERIE_SEEDS"), ""),
  advertise: Config.withDefault(Config.String("COTERIE_ADVERTISE"), ""),
}).pipe(
  Config.map(({ advertise, cluster, name, seeds }) => ({
    cluster,
    name: Option.getOrUndefined(name),
    seeds: list(seeds),
    advertise: list(advertise),
  })),
)

const list = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")

/** The same as {@link layer} with the options of {@link config}; those that are given here win. */
export const layerConfig = (
  options?: Partial<Options>,
): Layer.Layer<Cluster, LayerError | Config.ConfigError, Transport> =>
  Layer.unwrap(Effect.map(config, (found) => layer({ ...found, ...options })))
