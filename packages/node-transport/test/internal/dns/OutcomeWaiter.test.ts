import { OutcomeWaiter } from "../../../src/internal/dns/OutcomeWaiter.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/** Makes a waiter whose outcome a test sets. */
const setUp = () => {
  const state: { outcome: Effect.Effect<string, string> | undefined; asked: number } = { outcome: undefined, asked: 0 }
  const waiter = new OutcomeWaiter(() => {
    state.asked += 1
    return state.outcome
  })
  return { state, waiter }
}

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("a waiter for an outcome", () => {
  it.effect("does not wait if the outcome is available", () =>
    Effect.gen(function* () {
      const { state, waiter } = setUp()
      state.outcome = Effect.succeed("here")
      assert.strictEqual(yield* waiter.wait, "here")
    }),
  )

  it.effect("resumes at the first wake with an outcome", () =>
    Effect.gen(function* () {
      const { state, waiter } = setUp()
      const waiting = yield* start(waiter.wait)
      waiter.wake()
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      state.outcome = Effect.fail("lost")
      waiter.wake()
      assert.deepStrictEqual(yield* Fiber.await(waiting), Exit.fail("lost"))
    }),
  )

  it.effect("does not read the outcome when no fiber waits", () =>
    Effect.gen(function* () {
      const { state, waiter } = setUp()
      waiter.wake()
      yield* Fiber.interrupt(yield* start(waiter.wait))
      const { asked } = state
      waiter.wake()
      assert.strictEqual(state.asked, asked)
    }),
  )

  it.effect("can be used again, also after an interrupt", () =>
    Effect.gen(function* () {
      const { state, waiter } = setUp()
      yield* Fiber.interrupt(yield* start(waiter.wait))
      const waiting = yield* start(waiter.wait)
      state.outcome = Effect.succeed("first")
      waiter.wake()
      assert.strictEqual(yield* Fiber.join(waiting), "first")
      state.outcome = Effect.succeed("second")
      assert.strictEqual(yield* waiter.wait, "second")
    }),
  )

  it.effect("keeps its waiting fiber when the previous fiber is interrupted late", () =>
    Effect.gen(function* () {
      const { state, waiter } = setUp()
      const before = yield* start(waiter.wait)
      const now = yield* start(waiter.wait)
      yield* Fiber.interrupt(before)
      state.outcome = Effect.succeed("here")
      waiter.wake()
      assert.strictEqual(yield* Fiber.join(now), "here")
    }),
  )
})
