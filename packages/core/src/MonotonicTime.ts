/**
 * Monotonic time in milliseconds, for measuring durations and keeping deadlines, because the wall clock may jump at any
 * moment. Only the differences between two numbers of one process have a meaning. The numbers come from Effect's
 * `Clock`, so they are virtual in a simulation.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis } from "./internal/time.ts"

/**
 * Returns the monotonic time of a clock, in milliseconds with fractions. Use it in code that reads the time often: get
 * the clock once with `Clock.Clock`.
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
