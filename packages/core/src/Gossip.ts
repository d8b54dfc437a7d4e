/**
 * The policy of spreading news: how long they gather, to how many they are relayed, and how often views
 * are compared (docs/protocol.md, sections "Updates" and "Anti-entropy").
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Settings from "./membership/Settings.ts"

export interface Policy {
  /** How long news wait for more to travel with. */
  readonly updateDelay: Duration.Duration
  /** To how many peers, drawn at random, news from others are relayed in a cluster of `size`. */
  readonly relayFanOut: (size: number) => number
  /** The least time between two digest exchanges that this node starts. */
  readonly syncInterval: Duration.Duration
}

/** What {@link layer} takes. */
export interface Options {
  readonly updateDelay?: Duration.Input | undefined
  readonly relayFanOut?: ((size: number) => number) | undefined
  readonly syncInterval?: Duration.Input | undefined
}

export const defaults: Policy = {
  updateDelay: Duration.millis(Settings.defaults.updateDelay),
  relayFanOut: Settings.defaults.relayFanOut,
  syncInterval: Duration.millis(Settings.defaults.syncInterval),
}

/** The policy in use; {@link defaults} unless a layer says otherwise. */
export const Gossip = Context.Reference<Policy>("@coterie/core/Gossip", { defaultValue: () => defaults })

export const layer = (options: Options): Layer.Layer<never> =>
  Layer.succeed(Gossip, {
    updateDelay: Duration.fromInputUnsafe(options.updateDelay ?? defaults.updateDelay),
    relayFanOut: options.relayFanOut ?? defaults.relayFanOut,
    syncInterval: Duration.fromInputUnsafe(options.syncInterval ?? defaults.syncInterval),
  })
