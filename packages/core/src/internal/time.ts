/** Monotonic time in milliseconds, for measuring durations, because the wall clock may jump at any moment. */
import type { Clock } from "effect/Clock"

/** Delay of a timer beyond which this process counts as stalled, in milliseconds. */
export const stallMillis = 250

/** Returns the monotonic time of the clock, in milliseconds. */
export const monotonicMillis = (clock: Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
