/**
 * The policy of whom to ask first: addresses where peers may be found, besides the seeds of the
 * options. They are asked again and again, the seeds for ever and the others until a newer set is
 * without them (docs/protocol.md, R11). A set may be empty, and costs no peer that is known.
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
 * Addresses where peers may be found, and how often they are dialed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /**
   * Sets of addresses, `HOST` or `HOST:PORT` each; a newer set replaces the one before. A text that is no address has a line in the log
   * and is left out, as are the addresses beyond `limits.discovered`.
   */
  readonly addresses: Stream.Stream<ReadonlyArray<string>>
  /**
   * Interval at which addresses without a live link are dialed: one connection each. Bounds the time for which two sides that
   * have forgotten each other stay apart. No effect on detection.
   */
  readonly interval: Duration.Duration
  /**
   * Interval for a node without any live link, at which it dials the addresses and polls the discovery again. Bounds the time until
   * the node is back in the cluster.
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
 * No addresses, so that only the seeds of the options are dialed: every 30 seconds, and every 5 seconds by a node without a link.
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
 * Uses a stream of address sets. Each set replaces the one before.
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
 * An effect that finds addresses, run at once and then on the schedule, as a stream of what it found. A run that fails
 * or dies gives no set, so what was found before is kept; the log tells of it when the trouble begins, changes and
 * ends, and not at every run. A run that does not end holds up the next, so bound it with `Effect.timeout` if it may.
 * While a node without any live link waits for the next run, it waits for at most `intervalAlone`, whatever the schedule says.
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
        const over = Effect.logInfo(`discovery: works again; it was: ${reported}`)
        reported = undefined
        return Effect.as(over, found)
      },
      onFailure: (cause) => {
        const trouble = describe(Cause.squash(cause))
        if (trouble === reported) return Effect.undefined
        reported = trouble
        const line = `discovery: ${trouble}; what was found before is kept`
        return Effect.as(Cause.hasDies(cause) ? Effect.logError(line, cause) : Effect.logWarning(line), undefined)
      },
    })
    return Stream.filter(Stream.fromEffectSchedule(run, paced), (found) => found !== undefined)
  })

/** Describes an error and its causes, to some depth. Many errors that wrap another have no message of their own. */
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
