/**
 * The source of ids, seeds and nonces. No other module uses the random source of the platform, so a simulation can
 * replace all of them here.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * A source of unpredictable numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  /** Returns a new random number from 0 to 2^32 - 1. */
  readonly u32: () => number
}

/**
 * The source in use. Defaults to the random source of the platform.
 *
 * @category services
 * @since 0.1.0
 */
export const Entropy = Context.Reference<Source>("@coterie/core/Entropy", {
  defaultValue: () => ({
    u32: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  }),
})
