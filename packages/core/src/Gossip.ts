/**
 * The gossip policy: how long news is batched, to how many peers it is relayed, and how often views are compared
 * (docs/protocol.md, sections "Updates" and "Anti-entropy").
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import { policyLayer } from "./internal/policyLayer.ts"
import * as Settings from "./membership/Settings.ts"

/**
 * Times and numbers of gossip and anti-entropy.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /**
   * Time to wait for more news, so that several news items share a frame. A larger value batches more and adds its time
   * to each hop. Changes of this node's metadata within this time are published together, in one incarnation.
   */
  readonly updateDelay: Duration.Duration
  /**
   * Number of peers, drawn at random, to which a node relays gossip from others, and sends its own accusations, in a
   * cluster of `size`. The bandwidth of each event is proportional to it. With a smaller number, accusations of other
   * members arrive later and suspicions last longer.
   */
  readonly relayFanOut: (size: number) => number
  /**
   * Shortest time between two digest exchanges that this node starts. It bounds the bandwidth while views differ: a
   * digest has about twenty bytes per member. It has no effect on failure detection. Must be at least 250 milliseconds,
   * which is the minimum of the protocol.
   */
  readonly syncInterval: Duration.Duration
}

/**
 * Options of {@link layer}. Each option defaults to its value in {@link defaults}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly updateDelay?: Duration.Input | undefined
  readonly relayFanOut?: ((size: number) => number) | undefined
  readonly syncInterval?: Duration.Input | undefined
}

/**
 * Default policy: `updateDelay` 20 milliseconds, `relayFanOut` ceil(log2(size + 1)), `syncInterval` 250 milliseconds.
 *
 * @category policies
 * @since 0.1.0
 */
export const defaults: Policy = {
  updateDelay: Duration.millis(Settings.defaults.updateDelay),
  relayFanOut: Settings.defaults.relayFanOut,
  syncInterval: Duration.millis(Settings.defaults.syncInterval),
}

/**
 * Identifier of the policy in the types of layers: a layer of this module is a `Layer.Layer<Gossip>`.
 *
 * @category services
 * @since 0.1.0
 */
export interface Gossip {
  readonly policy: "Gossip"
}

/**
 * The policy in use. Defaults to {@link defaults}.
 *
 * @category services
 * @since 0.1.0
 */
export const Gossip = Context.Reference<Policy>("@coterie/core/Gossip", { defaultValue: () => defaults })

const provide = policyLayer<Gossip>()

/**
 * Uses the given options, and the values of {@link defaults} for the rest. The node fails to start with `OptionsError`
 * if a value cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Gossip> =>
  provide(Gossip, {
    updateDelay: Duration.fromInputUnsafe(options.updateDelay ?? defaults.updateDelay),
    relayFanOut: options.relayFanOut ?? defaults.relayFanOut,
    syncInterval: Duration.fromInputUnsafe(options.syncInterval ?? defaults.syncInterval),
  })
