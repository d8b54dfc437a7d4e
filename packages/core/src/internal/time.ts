/**
 * The monotonic clock in milliseconds, for everything that measures how long something takes: the wall
 * clock may be set back or forth at any moment.
 */
import type { Clock } from "effect/Clock"

/** A timer that is so late tells of a stall of this process, not of a peer. */
export const stallMillis = 250

export const monotonicMillis = (clock: Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
