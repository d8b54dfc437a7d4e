import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { WakeSignal } from "../../src/internal/WakeSignal.ts"
import { settle } from "../link/support.ts"

const waiting = (signal: WakeSignal) => Effect.tap(Effect.forkChild(signal.wait), () => settle)

describe("a wake signal", () => {
  it.effect("wakes the fiber that waits, in another task", () =>
    Effect.gen(function* () {
      const signal = new WakeSignal()
      const fiber = yield* waiting(signal)
      signal.set()
      assert.isUndefined(fiber.pollUnsafe())
      yield* settle
      assert.isDefined(fiber.pollUnsafe())
    }),
  )

  it.effect("that was set before ends the wait, until it is cleared", () =>
    Effect.gen(function* () {
      const signal = new WakeSignal()
      signal.set()
      assert.isDefined((yield* waiting(signal)).pollUnsafe())
      signal.clear()
      const fiber = yield* waiting(signal)
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("does not wake a fiber that was interrupted", () =>
    Effect.gen(function* () {
      const signal = new WakeSignal()
      yield* Fiber.interrupt(yield* waiting(signal))
      signal.set()
      signal.clear()
      assert.isUndefined((yield* waiting(signal)).pollUnsafe())
    }),
  )

  it.effect("wakes the fiber wherever between two of its steps it is set", () =>
    Effect.gen(function* () {
      for (let ops = 3; ops <= 7; ops++) {
        for (let turns = 0; turns <= 10; turns++) {
          const signal = new WakeSignal()
          const fiber = yield* Effect.forkChild(Effect.provideService(signal.wait, Scheduler.MaxOpsBeforeYield, ops), {
            startImmediately: true,
          })
          for (let i = 0; i < turns; i++) yield* Effect.yieldNow
          signal.set()
          for (let i = 0; i < 50; i++) yield* Effect.yieldNow
          assert.isDefined(fiber.pollUnsafe(), `${ops} steps before each yield, set after ${turns} turns`)
        }
      }
    }),
  )
})
