/**
 * Makes a failure small: leaves out faults and draws as long as the same check fails, by delta debugging. Each decision of
 * the environment is a named draw, so that leaving one out does not move the others.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { drawSentence, sentence } from "./faults/sentence.ts"
import { type Attempt, kindOf, type Size, streamsOf } from "./shrink/items.ts"
import { Shrinker } from "./shrink/Shrinker.ts"

export type { Attempt, Size } from "./shrink/items.ts"

/**
 * How a failure is run again, and for how long it is shrunk.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /**
   * Runs it, and gives what was really executed if the same check fails; `undefined` if it does not. A run may use
   * less than it was given, because it ended earlier or took another way.
   */
  readonly test: (attempt: Attempt) => Effect.Effect<Attempt | undefined, E, R>
  /** Default: {@link defaultMaxRuns}. */
  readonly maxRuns?: number | undefined
  /** Real time after which no further run begins. Default: {@link defaultWithin}. */
  readonly within?: Duration.Input | undefined
}

/**
 * Enough for some twenty things that matter among a hundred thousand that do not.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxRuns = 500

/**
 * As long as one likes to wait for a test that has failed anyway.
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
  /** The smallest that was found, as it was executed. */
  readonly attempt: Attempt
  /** How much there was before. */
  readonly from: Size
  readonly runs: number
  /** Whether everything was tried: no single fault or draw can be left out. If not, runs or time were over before. */
  readonly minimal: boolean
  /** What is left, for people. */
  readonly sentences: ReadonlyArray<string>
}

/**
 * Makes a failure small. `start` is known to fail. First leaves out everything at once, whole kinds, whole streams, then
 * parts of what is left by halves down to single faults and draws; then makes the rest milder. Begins again until nothing
 * changes any more, and never runs the same attempt twice.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const shrink = <E = never, R = never>(start: Attempt, options: Options<E, R>): Effect.Effect<Shrunk, E, R> =>
  Effect.suspend(() => {
    const shrinker = new Shrinker(start, {
      test: options.test,
      maxRuns: options.maxRuns ?? defaultMaxRuns,
      within: Duration.toMillis(Duration.fromInputUnsafe(options.within ?? defaultWithin)),
    })
    return Effect.map(shrinker.run(), () => {
      const result = shrinker.result()
      return { ...result, sentences: sentences(result.attempt) }
    })
  })

/** More draws than anybody reads are only counted. */
const maxDrawSentences = 40

/**
 * What happens, for people: the faults in the order of time, then the draws by stream and place.
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
