import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { YieldingLatch } from "../../src/internal/YieldingLatch.ts"

/** Starts a fiber that waits for the latch and then writes its name into the list. */
const waiter = (latch: YieldingLatch, order: Array<string>, name = "waiter") =>
  Effect.forkChild(
    Effect.andThen(
      latch.wait,
      Effect.sync(() => void order.push(name)),
    ),
    { startImmediately: true },
  )

describe("a fiber that waits for a yielding latch", () => {
  it.effect("continues after the fiber that opened the latch, in the order of the waiting fibers", () =>
    Effect.gen(function* () {
      const latch = new YieldingLatch(false)
      const order: Array<string> = []
      const fibers = [yield* waiter(latch, order, "first"), yield* waiter(latch, order, "second")]
      latch.open()
      order.push("opening fiber")
      yield* Fiber.awaitAll(fibers)
      assert.deepStrictEqual(order, ["opening fiber", "first", "second"])
    }),
  )

  it.effect("that is open continues in another task, too", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const fiber = yield* waiter(new YieldingLatch(true), order)
      order.push("this fiber")
      yield* Fiber.await(fiber)
      assert.deepStrictEqual(order, ["this fiber", "waiter"])
    }),
  )

  it.effect("waits again after the latch was closed", () =>
    Effect.gen(function* () {
      const latch = new YieldingLatch(true)
      latch.close()
      const order: Array<string> = []
      const fiber = yield* waiter(latch, order)
      for (let i = 0; i < 5; i++) yield* Effect.yieldNow
      assert.deepStrictEqual(order, [])
      latch.open()
      yield* Fiber.await(fiber)
      assert.deepStrictEqual(order, ["waiter"])
    }),
  )

  it.effect("continues once, also if the latch is opened and closed before it runs", () =>
    Effect.gen(function* () {
      const latch = new YieldingLatch(false)
      const order: Array<string> = []
      const fiber = yield* waiter(latch, order)
      latch.open()
      latch.close()
      latch.open()
      yield* Fiber.await(fiber)
      assert.deepStrictEqual(order, ["waiter"])
    }),
  )

  it.effect("continues wherever between two of its steps the latch opens", () =>
    Effect.gen(function* () {
      for (let ops = 3; ops <= 7; ops++) {
        for (let turns = 0; turns <= 10; turns++) {
          const latch = new YieldingLatch(false)
          const order: Array<string> = []
          const fiber = yield* Effect.forkChild(
            Effect.provideService(
              Effect.andThen(
                latch.wait,
                Effect.sync(() => void order.push("waiter")),
              ),
              Scheduler.MaxOpsBeforeYield,
              ops,
            ),
            { startImmediately: true },
          )
          for (let i = 0; i < turns; i++) yield* Effect.yieldNow
          latch.open()
          for (let i = 0; i < 50; i++) yield* Effect.yieldNow
          assert.deepStrictEqual(order, ["waiter"], `${ops} steps before each yield, opened after ${turns} turns`)
          yield* Fiber.await(fiber)
        }
      }
    }),
  )

  it.effect("can be interrupted before and after the latch opens, and other fibers continue", () =>
    Effect.gen(function* () {
      const latch = new YieldingLatch(false)
      const order: Array<string> = []
      const [before, after, other] = [
        yield* waiter(latch, order, "before"),
        yield* waiter(latch, order, "after"),
        yield* waiter(latch, order, "other"),
      ]
      before.interruptUnsafe()
      latch.open()
      after.interruptUnsafe()
      yield* Fiber.awaitAll([before, after, other])
      assert.deepStrictEqual(order, ["other"])
    }),
  )
})
