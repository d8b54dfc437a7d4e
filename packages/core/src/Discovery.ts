/**
 * The discovery policy: finds addresses of peers, in addition to the seeds in the options. The node dials a seed
 * whenever it has no link to it. It dials a discovered address until a newer set lacks the address (docs/protocol.md,
 * R11). An empty set is allowed and removes no known peer.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { DiscoveryPause } from "./internal/DiscoveryPause.ts"
import { policyLayer } from "./internal/policyLayer.ts"

/**
 * Addresses of peers, and the intervals at which they are dialed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /**
   * Sets of addresses, `HOST` or `HOST:PORT` each. A newer set replaces the previous one. The node ignores invalid
   * addresses and the addresses beyond `limits.discovered`, and logs both.
   */
  readonly addresses: Stream.Stream<ReadonlyArray<string>>
  /**
   * Interval at which the node dials each address without a live link. Each dial is one connection. The interval bounds
   * the time that two sides stay apart after they have forgotten each other. It has no effect on failure detection.
   */
  readonly interval: Duration.Duration
  /**
   * Interval at which a node without any live link dials the addresses and polls the discovery again. It bounds the
   * time until the node is back in the cluster.
   */
  readonly intervalAlone: Duration.Duration
}

/**
 * Intervals of {@link layer}, as in {@link Policy}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly interval?: Duration.Input | undefined
  readonly intervalAlone?: Duration.Input | undefined
}

/**
 * Policy without addresses, so that the node dials only the seeds in the options: every 30 seconds, and every 5 seconds
 * while it has no link.
 *
 * @category policies
 * @since 0.1.0
 */
export const defaults: Policy = {
  addresses: Stream.empty,
  interval: Duration.seconds(30),
  intervalAlone: Duration.seconds(5),
}

/**
 * Identifier of the policy in the types of layers: a layer of this module is a `Layer.Layer<Discovery>`.
 *
 * @category services
 * @since 0.1.0
 */
export interface Discovery {
  readonly policy: "Discovery"
}

/**
 * The policy in use. Defaults to {@link defaults}.
 *
 * @category services
 * @since 0.1.0
 */
export const Discovery = Context.Reference<Policy>("@coterie/core/Discovery", { defaultValue: () => defaults })

/**
 * Uses a stream of address sets. Each set replaces the previous one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (addresses: Stream.Stream<ReadonlyArray<string>>, options?: Options): Layer.Layer<Discovery> =>
  provide(Discovery, {
    addresses,
    interval: Duration.fromInputUnsafe(options?.interval ?? defaults.interval),
    intervalAlone: Duration.fromInputUnsafe(options?.intervalAlone ?? defaults.intervalAlone),
  })

const provide = policyLayer<Discovery>()

/**
 * Uses one fixed set of addresses.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSeeds = (seeds: ReadonlyArray<string>, options?: Options): Layer.Layer<Discovery> =>
  layer(Stream.succeed(seeds), options)

/**
 * Runs an effect that finds addresses, at once and then on the schedule, and returns the sets that it found as a
 * stream.
 *
 * **Details**
 *
 * A run that fails or dies emits no set, so the previous addresses stay in use. The log reports when the problem
 * begins, changes and ends, and does not repeat it for every run. A node without any live link waits at most
 * `intervalAlone` for the next run, even if the schedule waits longer.
 *
 * **Gotchas**
 *
 * A run that does not end delays the next run. Bound it with `Effect.timeout`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const poll = <E, R>(
  find: Effect.Effect<ReadonlyArray<string>, E, R>,
  schedule: Schedule.Schedule<unknown>,
): Stream.Stream<ReadonlyArray<string>, never, R> =>
  Stream.suspend(() => {
    const paced = Schedule.modifyDelay(schedule, ({ duration }) =>
      Effect.flatMap(DiscoveryPause, (pause) => Effect.as(pause(duration), Duration.zero)),
    )
    let reported: string | undefined
    const run = Effect.matchCauseEffect(find, {
      onSuccess: (found) => {
        if (reported === undefined) return Effect.succeed(found)
        const over = Effect.logInfo(`discovery: works again; the problem was: ${reported}`)
        reported = undefined
        return Effect.as(over, found)
      },
      onFailure: (cause) => {
        const trouble = describe(Cause.squash(cause))
        if (trouble === reported) return Effect.undefined
        reported = trouble
        const line = `discovery: ${trouble}; the addresses found before stay in use`
        return Effect.as(Cause.hasDies(cause) ? Effect.logError(line, cause) : Effect.logWarning(line), undefined)
      },
    })
    return Stream.filter(Stream.fromEffectSchedule(run, paced), (found) => found !== undefined)
  })

/**
 * Describes an error and its causes, to a limited depth. Many errors that wrap another error have no message of their
 * own.
 */
const describe = (error: unknown, depth = 4): string => {
  if (!(error instanceof Error)) return String(error)
  const behind = error.cause === undefined || depth === 0 ? "" : describe(error.cause, depth - 1)
  return [error.message, behind].filter((part) => part !== "").join(": ") || error.name
}

/**
 * Uses the sets that {@link poll} finds.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPoll = <E, R>(
  find: Effect.Effect<ReadonlyArray<string>, E, R>,
  schedule: Schedule.Schedule<unknown>,
  options?: Options,
): Layer.Layer<Discovery, never, R> =>
  Layer.unwrap(
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.succeed(layer(Stream.provideContext(poll(find, schedule), context), options)),
    ),
  )
