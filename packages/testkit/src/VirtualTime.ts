/**
 * Virtual time that passes by itself. Under the stock `TestClock` nothing that sleeps goes on before
 * the test adjusts the clock, and a scope that needs time to close never closes. A distributed program sleeps all
 * the time, so its tests want the clock to run whenever everybody waits.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/**
 * How far the clock goes at once.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultStep = Duration.millis(20)

/**
 * Runs the effect, and the test clock with it, in steps, until the effect is done. Give it the scope as
 * well, so that time passes while things close:
 *
 * ```ts
 * import { VirtualTime } from "@coterie/testkit"
 * import { it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * it.effect("an hour passes", () => VirtualTime.flow(Effect.scoped(Effect.sleep("1 hour"))))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const flow = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: { readonly step?: Duration.Input | undefined },
): Effect.Effect<A, E, R> => Effect.raceFirst(effect, Effect.forever(TestClock.adjust(options?.step ?? defaultStep)))
