import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { awaitDeferred, awaitLatch } from "../../src/internal/yieldingAwait.ts"

/** Runs `complete` while a fiber waits, and returns the order of the steps. */
const orderOf = <A, E>(wait: Effect.Effect<A, E>, complete: () => void) =>
  Effect.gen(function* () {
    const order: Array<string> = []
    const waiting = yield* Effect.forkChild(
      Effect.onExit(wait, () => Effect.sync(() => order.push("waiter"))),
      { startImmediately: true },
    )
    complete()
    order.push("completing fiber")
    yield* Fiber.await(waiting)
    return order
  })

describe("a fiber that waits", () => {
  it.effect("for a latch resumes after the fiber that opened the latch", () =>
    Effect.gen(function* () {
      const latch = Latch.makeUnsafe(false)
      const order = yield* orderOf(awaitLatch(latch), () => latch.openUnsafe())
      assert.deepStrictEqual(order, ["completing fiber", "waiter"])
    }),
  )

  it.effect("for a deferred resumes after the fiber that completed the deferred", () =>
    Effect.gen(function* () {
      const deferred = Deferred.makeUnsafe<number>()
      const order = yield* orderOf(awaitDeferred(deferred), () => Deferred.doneUnsafe(deferred, Effect.succeed(1)))
      assert.deepStrictEqual(order, ["completing fiber", "waiter"])
    }),
  )

  it.effect("for a deferred that fails resumes after the fiber that failed the deferred", () =>
    Effect.gen(function* () {
      const deferred = Deferred.makeUnsafe<number, string>()
      const order = yield* orderOf(awaitDeferred(deferred), () => Deferred.doneUnsafe(deferred, Effect.fail("no")))
      assert.deepStrictEqual(order, ["completing fiber", "waiter"])
    }),
  )

  it.effect("for a deferred gets its value or its failure", () =>
    Effect.gen(function* () {
      const value = yield* Deferred.make<number, string>()
      yield* Deferred.succeed(value, 1)
      assert.strictEqual(yield* awaitDeferred(value), 1)
      const failure = yield* Deferred.make<number, string>()
      yield* Deferred.fail(failure, "no")
      assert.strictEqual(yield* Effect.flip(awaitDeferred(failure)), "no")
    }),
  )

  it.effect("can be interrupted", () =>
    Effect.gen(function* () {
      for (const wait of [awaitLatch(Latch.makeUnsafe(false)), awaitDeferred(Deferred.makeUnsafe<void>())]) {
        const fiber = yield* Effect.forkChild(wait, { startImmediately: true })
        yield* Fiber.interrupt(fiber)
      }
    }),
  )
})
