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
 * Default step by which the clock advances: 20 ms. With a smaller step, less virtual time passes while a fiber waits for
 * a promise. A larger step takes less real time.
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
 * **Details**
 *
 * Under the `TestClock` of `it.effect`, sleeps end at their exact times and in their order with any step. Each step takes
 * several turns of the event loop, even if no sleep ends in it. Two hours in steps of 20 ms are 360,000 steps, which take
 * about 2.4 s of CPU. In steps of one second they take about 0.05 s.
 *
 * **Gotchas**
 *
 * The clock also advances while a fiber waits for something other than virtual time, such as a promise or a socket. With
 * a larger step, more virtual time passes meanwhile.
 *
 * @category running
 * @since 0.1.0
 */
export const flow = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: {
    /**
     * Time by which the clock advances at once. A larger step makes a long virtual time pass in less real time. Defaults
     * to {@link defaultStep}.
     */
    readonly step?: Duration.Input | undefined
  },
): Effect.Effect<A, E, R> => Effect.raceFirst(effect, Effect.forever(TestClock.adjust(options?.step ?? defaultStep)))
