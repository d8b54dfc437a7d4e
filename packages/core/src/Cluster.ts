/**
 * The cluster, as an application uses it. One layer makes this process a peer; the service lists the other peers, and sends
 * and receives messages.
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
import { make } from "./cluster/assemble.ts"
import { type OnlyPolicies, type PolicyOptions, mergePolicies } from "./cluster/policies.ts"
import type { Options, Service } from "./cluster/Service.ts"
import type { OptionsError } from "./ClusterError.ts"
import type { Transport, TransportError } from "./Transport.ts"

export type { OnlyPolicies, Policy, PolicyOptions } from "./cluster/policies.ts"
export type { Options, ProcessOptions, Self, Service } from "./cluster/Service.ts"

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
 * Runs a node over the provided transport. The node leaves when the scope of the layer closes. Fails with `OptionsError` if an
 * option or a policy cannot be used, and with `TransportError` if the transport cannot listen.
 *
 * ```ts
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   policies: [Reconnect.layer(Schedule.spaced("1 second")), FailureDetector.layerWan]
 * })
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
 * Options from the configuration: `COTERIE_CLUSTER` (required), `COTERIE_NAME` and `COTERIE_SEEDS` (a list
 * separated by commas). Where the node listens and what it advertises is up to the transport.
 *
 * @category options
 * @since 0.1.0
 */
export const config: Config.Config<Options> = Config.all({
  cluster: Config.String("COTERIE_CLUSTER"),
  name: Config.option(Config.String("COTERIE_NAME")),
  seeds: Config.withDefault(Config.String("COTERIE_SEEDS"), ""),
}).pipe(
  Config.map(({ cluster, name, seeds }) => ({
    cluster,
    name: Option.getOrUndefined(name),
    seeds: list(seeds),
  })),
)

const list = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")

/**
 * Runs a node with the options of {@link config}. The options that are given here win.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Partial<Options>,
): Layer.Layer<Cluster, LayerError | Config.ConfigError, Transport> =>
  Layer.unwrap(Effect.map(config, (found) => layer({ ...found, ...options })))
