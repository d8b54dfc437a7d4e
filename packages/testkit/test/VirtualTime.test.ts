import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as VirtualTime from "../src/VirtualTime.ts"

describe("VirtualTime.flow", () => {
  it.effect("advances time until the effect is done", () =>
    Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      yield* VirtualTime.flow(Effect.sleep("10 seconds"))
      assert.isAtLeast((yield* Clock.currentTimeMillis) - before, 10_000)
    }),
  )

  it.effect("advances time while a scope closes", () =>
    VirtualTime.flow(Effect.scoped(Effect.acquireRelease(Effect.void, () => Effect.sleep("5 seconds")))),
  )

  it.effect("advances in steps of the given length, so that a long time passes quickly", () =>
    Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      yield* VirtualTime.flow(Effect.sleep("30 days"), { step: "1 day" })
      assert.isAtLeast((yield* Clock.currentTimeMillis) - before, 30 * 86_400_000)
    }),
  )

  it.effect("ends each sleep at its exact time, and stops with the effect, also if the step is longer", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const note = Effect.map(Clock.currentTimeMillis, (time) => times.push(time))
      const sleeps = Effect.forEach([1_500, 20, 700], (millis) => Effect.andThen(Effect.sleep(millis), note))
      yield* VirtualTime.flow(sleeps, { step: "1 hour" })
      yield* note
      assert.deepStrictEqual(times, [1_500, 1_520, 2_220, 2_220])
    }),
  )

  it.effect("fails with the error of the effect, and stops the clock", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(VirtualTime.flow(Effect.andThen(Effect.sleep("1 second"), Effect.fail("no"))))
      assert.deepStrictEqual(exit, Exit.fail("no"))
      const before = yield* Clock.currentTimeMillis
      for (let i = 0; i < 100; i++) yield* Effect.yieldNow
      assert.strictEqual(yield* Clock.currentTimeMillis, before)
    }),
  )
})
