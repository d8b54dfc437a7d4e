/**
 * Where ids, seeds and nonces come from: the one place that touches the platform's random source, so
 * that a simulation can replace it.
 */
import * as Context from "effect/Context"

/** A source of unpredictable numbers. */
export interface Source {
  /** A fresh number from 0 to 2^32 - 1. */
  readonly u32: () => number
}

/** The source in use; by default that of the platform. */
export const Entropy = Context.Reference<Source>("@coterie/core/Entropy", {
  defaultValue: () => ({
    u32: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  }),
})
