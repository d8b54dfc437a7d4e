import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { DialPermits } from "../../src/peering/DialPermits.ts"

it.effect("runs no more dials at once than there are permits, and counts those that run", () =>
  Effect.gen(function* () {
    const permits = new DialPermits(1)
    const first = Deferred.makeUnsafe<void>()
    const exits: Array<Exit.Exit<void>> = []
    let hasStarted = false
    const one = yield* Effect.forkChild(permits.run(Deferred.await(first), (exit) => exits.push(exit)))
    const two = yield* Effect.forkChild(
      permits.run(
        Effect.sync(() => {
          hasStarted = true
        }),
        (exit) => exits.push(exit),
      ),
    )
    yield* Effect.yieldNow
    yield* Effect.yieldNow
    assert.strictEqual(permits.size(), 1)
    assert.isFalse(hasStarted)
    Deferred.doneUnsafe(first, Effect.void)
    yield* Fiber.join(one)
    yield* Fiber.join(two)
    assert.isTrue(hasStarted)
    assert.strictEqual(permits.size(), 0)
    assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true])
  }),
)

it.effect("gives the permit back when a dial fails", () =>
  Effect.gen(function* () {
    const permits = new DialPermits(1)
    yield* Effect.flip(permits.run(Effect.fail("no"), () => {}))
    assert.strictEqual(permits.size(), 0)
    yield* permits.run(Effect.void, () => {})
  }),
)
