/**
 * The contract of `Transport` as a suite of vitest tests: every promise in the docs of that module, checked for any
 * implementation.
 *
 * This entry needs the optional peers `vitest` and `@effect/vitest`. The main entry of the testkit does not export it,
 * so that other users of the testkit can do without them.
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
 * The tests wait for events and never for time. Under `it.effect` (`live: false`) nobody adjusts the clock, so the
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
  /** `true` if the transport needs real time. */
  readonly live: boolean
  /** Kind of proof that the transport requires of both ends. Defaults to none, as with plain TCP. */
  readonly proves?: Transport.Identity["_tag"] | undefined
  /** Makes the harness; run once for each test. */
  readonly harness: Effect.Effect<Harness, never, Scope.Scope>
  /** Runs a test elsewhere, such as inside of a simulation. Defaults to the place where `it` runs the test. */
  readonly run?: ((test: Effect.Effect<void, unknown>) => Effect.Effect<void, unknown>) | undefined
  /**
   * Lets other fibers run before a test looks again. Defaults to `Effect.yieldNow`, which lets no virtual time pass.
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
 * Registers the tests.
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
    if (options.proves !== undefined) checkProofs(registered, options.proves)
  })
}
