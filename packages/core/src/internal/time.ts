/**
 * Monotonic time in milliseconds, for everything that measures a duration: the wall clock may jump at any moment.
 */
import type { Clock } from "effect/Clock"

/** Delay of a timer, in milliseconds, beyond which it shows a stall of this process. */
export const stallMillis = 250

/** Returns the monotonic time of the clock, in milliseconds. */
export const monotonicMillis = (clock: Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
