import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scheduler from "effect/Scheduler"
import { withMicrotaskScheduler, yieldTurn } from "../../src/internal/MicrotaskScheduler.ts"

it.live("a fiber that a callback resumed runs before the next callback of the same event loop turn", () =>
  Effect.gen(function* () {
    const queue = yield* withMicrotaskScheduler(Queue.unbounded<string>())
    const order: Array<string> = []
    const reader = Effect.flatMap(Queue.take(queue), (item) => Effect.sync(() => order.push(item)))
    const reading = yield* Effect.forkChild(reader, { startImmediately: true })
    yield* Effect.callback<void>((resume) => {
      setImmediate(() => {
        Queue.offerUnsafe(queue, "the fiber")
        order.push("the callback that woke it")
      })
      setImmediate(() => {
        order.push("the next callback")
        resume(Effect.void)
      })
    })
    assert.deepStrictEqual(order, ["the callback that woke it", "the fiber", "the next callback"])
    assert.isDefined(reading.pollUnsafe())
  }),
)

it.live("fibers that resume each other repeatedly do not block the event loop", () =>
  Effect.gen(function* () {
    const rounds = 100_000
    let round = 0
    let seen: number | undefined
    setImmediate(() => {
      seen = round
    })
    yield* withMicrotaskScheduler(
      Effect.gen(function* () {
        for (; round < rounds && seen === undefined; round++) yield* Effect.yieldNow
      }),
    )
    assert.isBelow(seen ?? rounds, 100, "the event loop was blocked")
  }),
)

it.live("a fiber that yields its turn lets the event loop run", () =>
  Effect.gen(function* () {
    const turns: Array<number> = []
    yield* withMicrotaskScheduler(
      Effect.gen(function* () {
        for (let i = 0; i < 20; i++) {
          setImmediate(() => turns.push(i))
          yield* yieldTurn
          assert.strictEqual(turns.length, i + 1)
        }
      }),
    )
  }),
)

it.live("a scheduler that the application provides is kept", () =>
  Effect.gen(function* () {
    const chosen = new Scheduler.MixedScheduler("sync")
    const used = yield* Effect.provideService(withMicrotaskScheduler(Scheduler.Scheduler), Scheduler.Scheduler, chosen)
    assert.strictEqual(used, chosen)
    assert.notStrictEqual(yield* withMicrotaskScheduler(Scheduler.Scheduler), yield* Scheduler.Scheduler)
  }),
)
