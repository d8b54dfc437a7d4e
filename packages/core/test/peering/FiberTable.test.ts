import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { FiberTable } from "../../src/peering/FiberTable.ts"

/** Creates a table, and a count of the fibers that ended by themselves. */
const make = Effect.gen(function* () {
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const ended = { count: 0 }
  const table = new FiberTable<string>(fork, () => {
    ended.count++
  })
  return { table, ended }
})

const settle = Effect.repeat(Effect.yieldNow, { times: 5 })

it.effect("runs one fiber for each key", () =>
  Effect.gen(function* () {
    const { table } = yield* make
    let runs = 0
    const run = Effect.andThen(
      Effect.sync(() => runs++),
      Effect.never,
    )
    table.start("a", run)
    table.start("a", run)
    table.start("b", run)
    yield* settle
    assert.strictEqual(runs, 2)
    assert.deepStrictEqual(table.keys(), ["a", "b"])
  }),
)

it.effect("removes a fiber that has ended by itself, and calls onEnd", () =>
  Effect.gen(function* () {
    const { ended, table } = yield* make
    table.start("a", Effect.yieldNow)
    yield* settle
    assert.deepStrictEqual(table.keys(), [])
    assert.strictEqual(ended.count, 1)
  }),
)

it.effect("frees a key at once when its fiber is stopped, although the fiber is still ending", () =>
  Effect.gen(function* () {
    const { ended, table } = yield* make
    const end = Deferred.makeUnsafe<void>()
    let runs = 0
    table.start("a", Effect.ensuring(Effect.never, Deferred.await(end)))
    yield* settle
    table.stop("a")
    assert.deepStrictEqual(table.keys(), [])
    table.start(
      "a",
      Effect.andThen(
        Effect.sync(() => runs++),
        Effect.never,
      ),
    )
    Deferred.doneUnsafe(end, Effect.void)
    yield* settle
    assert.strictEqual(runs, 1)
    assert.deepStrictEqual(table.keys(), ["a"], "the end of the first fiber does not remove the second")
    assert.strictEqual(ended.count, 0)
  }),
)
