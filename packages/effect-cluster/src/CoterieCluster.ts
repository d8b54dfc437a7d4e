/**
 * Effect's cluster engine over the links of a Coterie cluster, in one layer: entities, singletons and workflows beside
 * topics and requests, over one port.
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError, StoppedError } from "@coterie/core/ClusterError"
import type { MessageStorage } from "effect/cluster/MessageStorage"
import type { Runners } from "effect/cluster/Runners"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import type { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Layer from "effect/Layer"
import * as CoterieRunnerHealth from "./CoterieRunnerHealth.ts"
import * as CoterieRunners from "./CoterieRunners.ts"
import * as RunnerPeers from "./RunnerPeers.ts"

/**
 * Options of {@link layerClientOnly}.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientOptions<E, R> extends RunnerPeers.Options {
  /**
   * Storage of runners, locks and messages, such as `SqlRunnerStorage` and `SqlMessageStorage` of Effect over
   * PostgreSQL. It gets the configuration of the engine. All runners of a cluster share it.
   */
  readonly storage: Layer.Layer<MessageStorage | RunnerStorage, E, R>
  /** Settings of the engine. Defaults to those of `CoterieRunners.layerConfig`. */
  readonly sharding?: CoterieRunners.ShardingOptions | undefined
}

/**
 * Options of {@link layer}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<E, R> extends ClientOptions<E, R>, CoterieRunners.Options {
  /** Settings of the responder, which marks dead runners. */
  readonly responder?: CoterieRunnerHealth.ResponderOptions | undefined
}

/** Services of the engine. */
type Engine = Sharding | Runners | MessageStorage | RunnerStorage

type EngineLayer<E, R> = Layer.Layer<Engine, E | OptionsError | StoppedError, Cluster | Exclude<R, ShardingConfig>>

/** Adds the storage, the configuration and the peers to a part of the engine. */
const assemble = <A, E, R>(
  part: Layer.Layer<
    A,
    OptionsError,
    Cluster | RunnerPeers.RunnerPeers | ShardingConfig | MessageStorage | RunnerStorage
  >,
  options: ClientOptions<E, R>,
) =>
  part.pipe(
    Layer.provideMerge(options.storage),
    Layer.provide(CoterieRunners.layerConfig(options.sharding)),
    Layer.provide(RunnerPeers.layerByPeer(options)),
  )

/**
 * Runs the engine on this node: entities of other runners are called over the links of the cluster, and the death of a
 * runner is detected by its peers.
 *
 * **Details**
 *
 * - When the process of a runner is killed, its entities answer on another runner about 1.5 seconds later, if the storage
 *   uses advisory locks. With two runners it takes 2 to 3 seconds.
 * - When a process stands still, when a host loses its power, and with locks that are rows, it takes as long as without
 *   Coterie: until `shardLockExpiration`, which is 35 seconds by default.
 * - The runner has the address of its node: its name and generation.
 * - The engine closes before the node, so that it hands its shards over while the links are up.
 * - Fails with `OptionsError` if an option or the name of the node is invalid, with `StoppedError` if the node stops
 *   before it has settled, and with the errors of the storage.
 *
 * **Example** (Entities over PostgreSQL)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { CoterieCluster } from "@coterie/effect-cluster"
 * import { NodeTransport } from "@coterie/node-transport"
 * import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
 * import { Layer } from "effect"
 * import { SqlMessageStorage, SqlRunnerStorage } from "effect/cluster"
 *
 * const Storage = Layer.merge(
 *   SqlMessageStorage.layer.pipe(Layer.provide(NodeCrypto.layerDigest)),
 *   SqlRunnerStorage.layer,
 * )
 *
 * const Peers = Cluster.layer({ cluster: "shop", name: "web-1" }).pipe(
 *   Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1" })),
 * )
 *
 * // Sharding and Cluster: entities and topics side by side, over one port. Requires a `SqlClient`, such as
 * // `PgClient.layer` of `@effect/sql-pg`.
 * const Engine = CoterieCluster.layer({ storage: Storage }).pipe(Layer.provideMerge(Peers))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(options: Options<E, R>): EngineLayer<E, R> =>
  assemble(Layer.merge(CoterieRunners.layer(options), CoterieRunnerHealth.layerResponder(options.responder)), options)

/**
 * Calls the entities of other runners. This node is a peer and has no entities. Fails as {@link layer} does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClientOnly = <E, R>(options: ClientOptions<E, R>): EngineLayer<E, R> =>
  assemble(CoterieRunners.layerClientOnly, options)
