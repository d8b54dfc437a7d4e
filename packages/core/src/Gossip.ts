/**
 * The policy of spreading news: how long they gather, to how many they are relayed, and how often views
 * are compared (docs/protocol.md, sections "Updates" and "Anti-entropy").
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
   * How long news wait for more to travel with. Each time that they are passed on takes so much longer; more of them share
   * a frame. What a node sets as its metadata within this time is published once, in one incarnation.
   */
  readonly updateDelay: Duration.Duration
  /**
   * To how many peers, drawn at random, in a cluster of `size`, news from others are relayed, and accusations and verdicts of
   * this node's own are told. The bandwidth of each event is proportional to it. With fewer, further accusers are heard of
   * later, and suspicions last longer.
   */
  readonly relayFanOut: (size: number) => number
  /**
   * The least time between two digest exchanges that this node starts. Bounds the bandwidth while views differ: a digest is
   * about twenty bytes for each member. No effect on detection. At least 250 milliseconds, for the protocol allows no more.
   */
  readonly syncInterval: Duration.Duration
}

/**
 * Options of {@link layer}. Options that are not given are as in {@link defaults}.
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
 * 20 milliseconds of `updateDelay`, a `relayFanOut` of ceil(log2(size + 1)), and 250 milliseconds of `syncInterval`.
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
 * Uses the given times and numbers, and those of {@link defaults} for the rest. The node fails to start with `OptionsError` if one cannot
 * be used.
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
