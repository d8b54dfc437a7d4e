import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
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
})
