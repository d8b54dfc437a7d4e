/**
 * Virtual time in whole microseconds, so that sums are exact and every run rounds alike. Data and options write times
 * as durations of Effect: `"5 seconds"`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"

/** Converts a duration to whole microseconds. */
export const fromDuration = (duration: Duration.Input): number =>
  Math.round(Duration.toMillis(Duration.fromInputUnsafe(duration)) * 1000)

/** Formats a time in the longest unit that is exact, so that decoding gives the same time. */
export const format = (micros: number): string => {
  if (micros % 1_000_000 === 0) return `${micros / 1_000_000} seconds`
  if (micros % 1_000 === 0) return `${micros / 1_000} millis`
  return `${micros} micros`
}

/** Formats a time for messages, rounded to milliseconds, tenths of a millisecond, or microseconds. */
export const show = (micros: number): string => {
  if (Math.abs(micros) >= 1_000_000) return `${(micros / 1_000_000).toFixed(3)} s`
  return Math.abs(micros) >= 1_000 ? `${(micros / 1_000).toFixed(1)} ms` : `${micros} µs`
}

const expected = 'a duration such as "5 seconds" or "20 millis"'

/**
 * Schema of a time: text such as `"5 seconds"`, decoded to whole microseconds. Clocks that are set back have negative
 * times.
 */
export const Microseconds = Schema.String.annotate({ expected }).pipe(
  Schema.decodeTo(
    Schema.Int,
    SchemaTransformation.transformEffect({
      decode: (text: string, options) => {
        const duration = Duration.fromInput(text as Duration.Input)
        return Option.isSome(duration) && Duration.isFinite(duration.value)
          ? Effect.succeed(fromDuration(duration.value))
          : Effect.fail(new SchemaIssue.InvalidValue({ expected }, text, options))
      },
      encode: (micros: number) => Effect.succeed(format(micros)),
    }),
  ),
)

/** Schema of a time that is not negative. */
export const Elapsed = Microseconds.check(
  Schema.isGreaterThanOrEqualTo(0, { expected: 'a duration that is not negative, such as "5 seconds"' }),
)
