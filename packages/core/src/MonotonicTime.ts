/**
 * Monotonic time in milliseconds, for everything that measures a duration or keeps a deadline: the wall clock may jump at any
 * moment. The numbers have no meaning beside their differences within one process. They come from Effect's `Clock`, so in a
 * simulation they are virtual.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis } from "./internal/time.ts"

/**
 * Returns the monotonic time of a clock, in milliseconds with fractions. For code that reads the time often: get the clock once with
 * `Clock.Clock`.
 *
 * @category getters
 * @since 0.1.0
 */
export const millisUnsafe: (clock: Clock.Clock) => number = monotonicMillis

/**
 * Returns the monotonic time, in milliseconds with fractions.
 *
 * @category getters
 * @since 0.1.0
 */
export const millis: Effect.Effect<number> = Effect.map(Clock.Clock, monotonicMillis)
