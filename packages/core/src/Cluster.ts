/**
 * The application's interface to the cluster. One layer makes this process a peer. The service lists the other peers,
 * and sends and receives messages.
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { NodeTransport } from "@coterie/node-transport"
 * import { Effect, Layer } from "effect"
 *
 * const ClusterLive = Cluster.layer({ cluster: "hello" }).pipe(
 *   Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
 * )
 *
 * const program = Effect.gen(function* () {
 *   const cluster = yield* Cluster.Cluster
 *   yield* cluster.broadcast("Hello, world!")
 * }).pipe(Effect.provide(ClusterLive))
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { make } from "./cluster/assemble.ts"
import { environmentConfig } from "./cluster/environmentConfig.ts"
import { type OnlyPolicies, type PolicyOptions, mergePolicies } from "./cluster/policies.ts"
import type { Options, Service } from "./cluster/Service.ts"
import type { NodeStopped, OptionsError, StoppedError } from "./ClusterError.ts"
import type { Transport, TransportError } from "./Transport.ts"

export type { OnlyPolicies, Policy, PolicyOptions } from "./cluster/policies.ts"
export type { FailOn } from "./cluster/SeedOutcomes.ts"
export type { AloneReason, Status } from "./cluster/Status.ts"
export type { Metadata, Self } from "./cluster/Self.ts"
export type { Options, ProcessOptions, Service } from "./cluster/Service.ts"

/**
 * A running node of the cluster.
 *
 * @category services
 * @since 0.1.0
 */
export class Cluster extends Context.Service<Cluster, Service>()("@coterie/core/Cluster") {}

/**
 * Errors that keep a node from starting.
 *
 * @category errors
 * @since 0.1.0
 */
export type LayerError = OptionsError | TransportError

/**
 * Runs a node over the provided transport. The node leaves when the scope of the layer closes. Fails with
 * `OptionsError` if an option or a policy cannot be used, and with `TransportError` if the transport cannot listen.
 *
 * **Example** (A node with policies of its own, over TCP)
 *
 * ```ts
 * import { Cluster, FailureDetector, Reconnect } from "@coterie/core"
 * import { NodeTransport } from "@coterie/node-transport"
 * import { Layer, Schedule } from "effect"
 *
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   name: "web-1",
 *   seeds: ["web-2:24868"],
 *   policies: [Reconnect.layer(Schedule.spaced("1 second")), FailureDetector.layerWan],
 * }).pipe(Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(options: Options & { readonly policies?: undefined }): Layer.Layer<Cluster, LayerError, Transport>
export function layer<const Layers extends ReadonlyArray<Layer.Any>>(
  options: Options & PolicyOptions<Layers>,
): Layer.Layer<
  Cluster,
  LayerError | Layer.Error<Layers[number]>,
  Transport | Layer.Services<Layers[number]> | OnlyPolicies<Layers>
>
export function layer(
  options: Options & { readonly policies?: ReadonlyArray<Layer.Layer<never>> | undefined },
): Layer.Layer<Cluster, LayerError, Transport> {
  return Layer.provide(Layer.effect(Cluster, make(options)), mergePolicies(options.policies ?? []))
}

/**
 * Layer that starts a node with the option `start: "manual"`, and waits until it has settled. If the node is already
 * started, the layer only waits. Fails with the errors of `start`. Build it after every layer that reads messages, so
 * that no peer sends before the readers exist.
 *
 * **Example** (A reader that is open before the node takes part)
 *
 * ```ts
 * import { Cluster, Topic } from "@coterie/core"
 * import { Effect, Layer, Schema, Stream } from "effect"
 *
 * const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String }))
 *
 * const ReaderLive = Layer.effectDiscard(
 *   Effect.gen(function* () {
 *     const orders = yield* Topic.open(Orders)
 *     yield* Effect.forkScoped(Stream.runForEach(orders.messages, ({ value }) => Effect.log(value.id)))
 *   }),
 * )
 *
 * const MainLive = Cluster.layerStart.pipe(
 *   Layer.provideMerge(ReaderLive),
 *   Layer.provideMerge(Cluster.layer({ cluster: "shop", start: "manual" })),
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStart: Layer.Layer<never, StoppedError | NodeStopped, Cluster> = Layer.effectDiscard(
  Effect.flatMap(Cluster, (cluster) => cluster.start),
)

/**
 * Runs a node with options from the configuration: either each option is a `Config`, or one `Config` yields all of
 * them. Fails with `ConfigError` if the configuration lacks an option, and otherwise like {@link layer}.
 *
 * **Example** (The name of the cluster from a variable)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { Config } from "effect"
 *
 * const ClusterLive = Cluster.layerConfig({
 *   cluster: Config.String("APP_NAME"),
 *   seeds: Config.succeed(["peers.example.internal"]),
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export function layerConfig(
  options: Config.Wrap<Options>,
): Layer.Layer<Cluster, LayerError | Config.ConfigError, Transport>
export function layerConfig<const Layers extends ReadonlyArray<Layer.Any>>(
  options: Config.Wrap<Options>,
  policies: PolicyOptions<Layers>,
): Layer.Layer<
  Cluster,
  LayerError | Config.ConfigError | Layer.Error<Layers[number]>,
  Transport | Layer.Services<Layers[number]> | OnlyPolicies<Layers>
>
export function layerConfig(
  options: Config.Wrap<Options>,
  given: { readonly policies?: ReadonlyArray<Layer.Layer<never>> } = {},
): Layer.Layer<Cluster, LayerError | Config.ConfigError, Transport> {
  return fromConfig(Config.unwrap<Options>(options), given.policies)
}

const fromConfig = (config: Config.Config<Options>, policies: ReadonlyArray<Layer.Layer<never>> = []) =>
  Layer.provide(Layer.unwrap(Effect.map(config, (options) => layer(options))), mergePolicies(policies))

/**
 * Runs a node with options from environment variables. Options in `given` take precedence, and their variables are not
 * read. The layer of the transport reads its own variables.
 *
 * | variable | option |
 * | --- | --- |
 * | `COTERIE_CLUSTER` | `cluster`; required unless given |
 * | `COTERIE_NAME` | `name` |
 * | `COTERIE_SEEDS` | `seeds`, separated by commas |
 * | `COTERIE_TRACING` | `tracing`, `true` or `false` |
 *
 * @category layers
 * @since 0.1.0
 */
export function layerFromEnv(
  given?: Partial<Options> & { readonly policies?: undefined },
): Layer.Layer<Cluster, LayerError | Config.ConfigError, Transport>
export function layerFromEnv<const Layers extends ReadonlyArray<Layer.Any>>(
  given: Partial<Options> & PolicyOptions<Layers>,
): Layer.Layer<
  Cluster,
  LayerError | Config.ConfigError | Layer.Error<Layers[number]>,
  Transport | Layer.Services<Layers[number]> | OnlyPolicies<Layers>
>
export function layerFromEnv(
  given: Partial<Options> & { readonly policies?: ReadonlyArray<Layer.Layer<never>> | undefined } = {},
): Layer.Layer<Cluster, LayerError | Config.ConfigError, Transport> {
  return fromConfig(environmentConfig(given), given.policies)
}
