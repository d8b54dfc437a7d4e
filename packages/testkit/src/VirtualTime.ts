/**
 * Virtual time that passes without adjustments by the test. Under the stock `TestClock`, a sleeping fiber continues
 * only when the test adjusts the clock, and a scope that needs time to close never closes. Distributed programs sleep
 * often, so their tests need a clock that runs on its own.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/**
 * Default step by which the clock advances.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultStep = Duration.millis(20)

/**
 * Runs an effect and advances the test clock in steps until the effect has ended. Pass the scoped effect, so that time
 * also passes while the scope closes:
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
