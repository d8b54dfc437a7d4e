/**
 * Shrinking of failures by delta debugging: it leaves out faults and draws as long as the same check fails. Each
 * decision of the environment is a named draw, so that leaving one out does not change the others.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { drawSentence, sentence } from "./faults/sentence.ts"
import { durationOf } from "./run/validateOptions.ts"
import { type Attempt, kindOf, type Size, streamsOf } from "./shrink/items.ts"
import { Shrinker } from "./shrink/Shrinker.ts"
import type { SimulationError } from "./SimulationError.ts"

export type { Attempt, Size } from "./shrink/items.ts"

/**
 * Options of {@link shrink}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /**
   * Runs an attempt. Returns the faults and draws that were executed if the same check fails, otherwise `undefined`. A
   * run may execute less than the attempt has, because it ended earlier or took another path.
   */
  readonly test: (attempt: Attempt) => Effect.Effect<Attempt | undefined, E, R>
  /** Maximum number of runs. A larger number can give a smaller failure. Defaults to {@link defaultMaxRuns}. */
  readonly maxRuns?: number | undefined
  /** Real time after which no further run begins. Defaults to {@link defaultWithin}. */
  readonly within?: Duration.Input | undefined
}

/**
 * Default maximum number of runs. It is enough to find about twenty relevant items among a hundred thousand others.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxRuns = 500

/**
 * Default real time of shrinking. It bounds the additional time of a test that has already failed.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultWithin: Duration.Input = "5 seconds"

/**
 * Outcome of shrinking a failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shrunk {
  /** Smallest failing attempt that was found, as it was executed. */
  readonly attempt: Attempt
  /** Size before shrinking. */
  readonly from: Size
  /** Number of runs. */
  readonly runs: number
  /** `true` if no single fault or draw can be left out. `false` if the runs or the time were used up before. */
  readonly minimal: boolean
  /** Remaining faults and draws as sentences. */
  readonly sentences: ReadonlyArray<string>
}

/**
 * Shrinks a failure. `start` must be an attempt that fails. Fails with the error of `test`, or with `SimulationError` if
 * `within` is not a duration.
 *
 * **Details**
 *
 * Shrinking first leaves out everything at once, then whole kinds, then whole streams, then halves of the rest down to
 * single faults and draws. After that it makes the remaining values milder. It repeats all of this until nothing
 * changes, and never runs the same attempt twice.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const shrink = <E = never, R = never>(
  start: Attempt,
  options: Options<E, R>,
): Effect.Effect<Shrunk, E | SimulationError, R> =>
  Effect.flatMap(Effect.fromResult(durationOf("within", options.within ?? defaultWithin)), (within) => {
    const shrinker = new Shrinker(start, {
      test: options.test,
      maxRuns: options.maxRuns ?? defaultMaxRuns,
      within: Duration.toMillis(within),
    })
    return Effect.map(shrinker.run(), () => {
      const result = shrinker.result()
      return { ...result, sentences: sentences(result.attempt) }
    })
  })

/** Maximum number of draws that have a sentence each. Further draws are only counted. */
const maxDrawSentences = 40

/**
 * Formats an attempt as sentences: the faults in the order of time, then the draws by stream and place.
 *
 * @category formatting
 * @since 0.1.0
 */
export const sentences = ({ deviations, timeline }: Attempt): ReadonlyArray<string> => {
  const draws = streamsOf(deviations).flatMap(([stream, entries]) =>
    entries.map(([index, value]) => ({ stream, index, value })),
  )
  const rest = draws.slice(maxDrawSentences)
  const kinds = [...Map.groupBy(rest, ({ stream }) => kindOf(stream))].map(([kind, { length }]) => `${length} ${kind}`)
  return [
    ...timeline.toSorted((a, b) => a.at - b.at).map(sentence),
    ...draws.slice(0, maxDrawSentences).map(({ index, stream, value }) => drawSentence(stream, index, value)),
    ...(rest.length === 0 ? [] : [`and ${rest.length} more decisions that are not benign: ${kinds.join(", ")}`]),
  ]
}
