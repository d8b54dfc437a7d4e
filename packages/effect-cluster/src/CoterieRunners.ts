/**
 * The transport of Effect's cluster engine over the links of a Coterie cluster: runners need no port and no connection
 * of their own.
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import type { MessageStorage } from "effect/cluster/MessageStorage"
import * as RunnerServer from "effect/cluster/RunnerServer"
import type { Runners } from "effect/cluster/Runners"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CoterieRunnerHealth from "./CoterieRunnerHealth.ts"
import { layerClientProtocol, layerServerProtocol } from "./internal/protocols.ts"
import { RunnerPeers } from "./RunnerPeers.ts"

/**
 * Options of {@link layer}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Maximum number of requests of one peer to the entities of this runner in flight. The engine sends a request beyond
   * the limit again until there is room. A larger value lets a peer occupy more memory. Defaults to 65,536.
   */
  readonly requestLimit?: number | undefined
}

/**
 * Default number of requests of one peer in flight. A request is in flight as long as its entity works, and a peer may
 * wait for many entities.
 */
const defaultRequestLimit = 65_536

/**
 * Runs a runner over the links of this node, with its own health check ({@link CoterieRunnerHealth.layer}).
 *
 * **Details**
 *
 * - Messages are encoded with SchemaBinary. `limits.messageBytes` of the cluster bounds a request and an answer. A
 *   request beyond the bound fails with a defect that says so, and its entity does not get it.
 * - The engine repeats a volatile request whose link or runner is lost, as over any transport. So an entity may get a
 *   volatile request more than once, or its caller gets `AlreadyProcessingMessage`.
 * - Fails with `OptionsError` if `requestLimit` is invalid, or if this node has another runner.
 *
 * @see `CoterieCluster.layer` for the complete engine
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {},
): Layer.Layer<
  Sharding | Runners,
  OptionsError,
  Cluster | RunnerPeers | ShardingConfig.ShardingConfig | MessageStorage | RunnerStorage
> =>
  RunnerServer.layerWithClients.pipe(
    Layer.provide([
      layerServerProtocol(options.requestLimit ?? defaultRequestLimit),
      layerClientProtocol,
      CoterieRunnerHealth.layer,
    ]),
  )

/**
 * Calls the entities of the runners of other peers. This node is a peer and no runner: it has no entities.
 *
 * @see `CoterieCluster.layerClientOnly` for the complete engine
 * @category layers
 * @since 0.1.0
 */
export const layerClientOnly: Layer.Layer<
  Sharding | Runners,
  OptionsError,
  Cluster | RunnerPeers | ShardingConfig.ShardingConfig | MessageStorage | RunnerStorage
> = RunnerServer.layerClientOnly.pipe(Layer.provide(layerClientProtocol))

/**
 * Settings of the engine, without the addresses, which come from the node.
 *
 * @category options
 * @since 0.1.0
 */
export type ShardingOptions = Partial<
  Omit<ShardingConfig.ShardingConfig["Service"], "runnerAddress" | "runnerListenAddress">
>

/** The health check is a local lookup for living peers. A runner whose peer is back gets shards again in this time. */
const runnerHealthCheckInterval = "1 second"

/** One small query of the storage for each runner. It is the largest part of a failover after the detection. */
const refreshAssignmentsInterval = "500 millis"

/**
 * Provides the configuration of the engine. The address of the runner is the address of its peer.
 *
 * **Details**
 *
 * Two defaults differ from those of Effect, because peers detect a death within about a second:
 * `runnerHealthCheckInterval` is 1 second instead of 1 minute, and `refreshAssignmentsInterval` is 500 milliseconds
 * instead of 3 seconds.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: ShardingOptions = {},
): Layer.Layer<ShardingConfig.ShardingConfig, never, RunnerPeers> =>
  Layer.effect(ShardingConfig.ShardingConfig)(
    Effect.map(RunnerPeers, ({ self }) => ({
      ...ShardingConfig.defaults,
      runnerHealthCheckInterval,
      refreshAssignmentsInterval,
      ...options,
      runnerAddress: Option.some(self),
      runnerListenAddress: Option.none(),
    })),
  )
