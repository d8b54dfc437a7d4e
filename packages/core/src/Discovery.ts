/**
 * The policy of whom to ask first: addresses where peers may be found, besides the seeds of the
 * options. They are asked again and again and never forgotten (docs/protocol.md, R11).
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

export interface Policy {
  /** Sets of addresses, `host:port` each; a newer set replaces the one before. */
  readonly addresses: Stream.Stream<ReadonlyArray<string>>
  /**
   * How often addresses without a live link are dialled: one connection each. It bounds how long two sides that have forgotten
   * each other stay apart. No effect on detection.
   */
  readonly interval: Duration.Duration
  /** The same for a node that has no live link at all: how soon it finds back. The reconnect schedule may be quicker. */
  readonly intervalAlone: Duration.Duration
}

/** How often {@link layer} is told to ask. */
export interface Options {
  readonly interval?: Duration.Input | undefined
  readonly intervalAlone?: Duration.Input | undefined
}

export const defaults: Policy = {
  addresses: Stream.empty,
  interval: Duration.seconds(30),
  intervalAlone: Duration.seconds(5),
}

/** The policy in use; only the seeds of the options unless a layer says otherwise. */
export const Discovery = Context.Reference<Policy>("@coterie/core/Discovery", { defaultValue: () => defaults })

/** Any stream of address sets. */
export const layer = (addresses: Stream.Stream<ReadonlyArray<string>>, options?: Options): Layer.Layer<never> =>
  Layer.succeed(Discovery, {
    addresses,
    interval: Duration.fromInputUnsafe(options?.interval ?? defaults.interval),
    intervalAlone: Duration.fromInputUnsafe(options?.intervalAlone ?? defaults.intervalAlone),
  })

/** A fixed set. */
export const layerSeeds = (seeds: ReadonlyArray<string>, options?: Options): Layer.Layer<never> =>
  layer(Stream.succeed(seeds), options)

/** An effect that finds addresses, run at once and then on the schedule. */
export const layerPoll = <R>(
  find: Effect.Effect<ReadonlyArray<string>, never, R>,
  schedule: Schedule.Schedule<unknown>,
  options?: Options,
): Layer.Layer<never, never, R> =>
  Layer.unwrap(
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.succeed(layer(Stream.provideContext(Stream.fromEffectSchedule(find, schedule), context), options)),
    ),
  )
