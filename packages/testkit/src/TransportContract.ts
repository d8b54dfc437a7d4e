/**
 * Contract of `Transport` as a suite of vitest tests, which check every promise in the documentation of that module for
 * any implementation.
 *
 * This entry needs the optional peer dependencies `vitest` and `@effect/vitest`. The main entry of the testkit does not
 * export it, so that other users of the testkit do not need them.
 *
 * ```ts
 * import { SimNetwork } from "@coterie/testkit"
 * import * as TransportContract from "@coterie/testkit/TransportContract"
 * import { Effect } from "effect"
 *
 * declare const harness: TransportContract.Options["harness"]
 *
 * TransportContract.suite({ name: "my transport", live: true, harness })
 * ```
 *
 * The tests wait for events and never for time. Under `it.effect` (`live: false`) virtual time does not pass, so the
 * transport must not need the clock.
 *
 * @since 0.1.0
 */
import type * as Transport from "@coterie/core/Transport"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { checkAccepting } from "./contract/accepting.ts"
import { checkBackPressure } from "./contract/backPressure.ts"
import { checkClosing } from "./contract/closing.ts"
import { checkHandlers } from "./contract/handlers.ts"
import type { Harness, Suite } from "./contract/Harness.ts"
import { checkInterruption } from "./contract/interruption.ts"
import { checkListening } from "./contract/listening.ts"
import { checkLoss } from "./contract/loss.ts"
import { checkMetrics } from "./contract/metrics.ts"
import { checkProofs } from "./contract/proofs.ts"
import { checkTransfer } from "./contract/transfer.ts"

export type { Harness, SilentPeer } from "./contract/Harness.ts"

/**
 * Options of {@link suite}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Name of the transport, for the title of the suite. */
  readonly name: string
  /** Runs the tests in real time (`it.live`) instead of under the `TestClock` (`it.effect`). */
  readonly live: boolean
  /** Kind of proof that the transport requires of both ends. Defaults to none, as with plain TCP. */
  readonly proves?: Transport.Identity["_tag"] | undefined
  /** Makes the harness. Runs once for each test. */
  readonly harness: Effect.Effect<Harness, never, Scope.Scope>
  /** Runs a test elsewhere, such as inside a simulation. Defaults to running it where `it` does. */
  readonly run?: ((test: Effect.Effect<void, unknown>) => Effect.Effect<void, unknown>) | undefined
  /**
   * Lets other fibers run before a test checks a condition again. Defaults to `Effect.yieldNow`, during which no
   * virtual time passes.
   */
  readonly pause?: Effect.Effect<void> | undefined
}

const suiteOf = (options: Options): Suite => {
  const test = options.live ? it.live : it.effect
  const pause = options.pause ?? Effect.yieldNow
  const eventually: Suite["eventually"] = (condition) =>
    Effect.flatMap(condition, (holds) =>
      holds
        ? Effect.void
        : Effect.andThen(
            pause,
            Effect.suspend(() => eventually(condition)),
          ),
    )
  return {
    pause,
    eventually,
    check: (name, body) =>
      test(name, () =>
        Effect.gen(function* () {
          const harness = yield* options.harness
          const before = yield* harness.open
          yield* Effect.scoped(body(harness))
          yield* eventually(Effect.map(harness.open, (open) => open <= before))
        }).pipe(Random.withSeed(name), Effect.scoped, options.run ?? ((test) => test)),
      ),
  }
}

/**
 * Registers the tests of the contract with vitest.
 *
 * @since 0.1.0
 * @category testing
 */
export const suite = (options: Options): void => {
  describe(`${options.name} keeps the contract of Transport`, () => {
    const registered = suiteOf(options)
    checkTransfer(registered)
    checkLoss(registered)
    checkBackPressure(registered)
    checkInterruption(registered)
    checkClosing(registered)
    checkListening(registered)
    checkAccepting(registered)
    checkHandlers(registered)
    checkMetrics(registered)
    if (options.proves !== undefined) checkProofs(registered, options.proves)
  })
}
