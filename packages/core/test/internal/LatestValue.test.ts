import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { LatestValue } from "../../src/internal/LatestValue.ts"

/** Makes a value that starts at 0, and a pull of one reader. */
const make = Effect.gen(function* () {
  const latest = new LatestValue(0)
  const pull = yield* Stream.toPull(latest.changes)
  return { latest, pull }
})

describe("a value that changes", () => {
  it.effect("emits the value at the moment of the first read, and then each change", () =>
    Effect.gen(function* () {
      const { latest, pull } = yield* make
      latest.set(1)
      assert.strictEqual(latest.value, 1)
      assert.deepStrictEqual(yield* pull, [1])
      latest.set(2)
      assert.deepStrictEqual(yield* pull, [2])
    }),
  )

  it.effect("emits the newest value to a slow reader, and skips intermediate values", () =>
    Effect.gen(function* () {
      const { latest, pull } = yield* make
      yield* pull
      for (const value of [1, 2, 3]) latest.set(value)
      assert.deepStrictEqual(yield* pull, [3])
    }),
  )

  it.effect("emits no value twice in a row", () =>
    Effect.gen(function* () {
      const { latest, pull } = yield* make
      yield* pull
      const next = yield* Effect.forkChild(pull, { startImmediately: true })
      latest.set(0)
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      assert.isUndefined(next.pollUnsafe())
      latest.set(1)
      assert.deepStrictEqual(yield* Fiber.join(next), [1])
    }),
  )

  it.effect("emits `undefined` as the first value", () =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(new LatestValue<number | undefined>(undefined).changes)
      assert.deepStrictEqual(yield* pull, [undefined])
    }),
  )

  it.effect("wakes each waiting reader, and runs none of them in the fiber that sets the value", () =>
    Effect.gen(function* () {
      const latest = new LatestValue(0)
      const read: Array<number> = []
      const reading = Stream.runForEach(latest.changes, (value) => Effect.sync(() => read.push(value)))
      yield* Effect.forkChild(reading, { startImmediately: true })
      yield* Effect.forkChild(reading, { startImmediately: true })
      assert.deepStrictEqual(read, [0, 0])
      latest.set(1)
      assert.deepStrictEqual(read, [0, 0])
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      assert.deepStrictEqual(read, [0, 0, 1, 1])
    }),
  )

  it.effect("ends all streams after the current value, including streams that begin later", () =>
    Effect.gen(function* () {
      const { latest, pull } = yield* make
      yield* pull
      const waiting = yield* Effect.forkChild(Stream.runCollect(latest.changes), { startImmediately: true })
      latest.set(1)
      latest.end()
      assert.deepStrictEqual(yield* pull, [1])
      assert.strictEqual((yield* Effect.exit(pull))._tag, "Failure")
      assert.deepStrictEqual(yield* Fiber.join(waiting), [0, 1])
      assert.deepStrictEqual(yield* Stream.runCollect(latest.changes), [1])
    }),
  )

  it.effect("ends the stream of a reader that waits for the next value", () =>
    Effect.gen(function* () {
      const latest = new LatestValue(0)
      const waiting = yield* Effect.forkChild(Stream.runCollect(latest.changes), { startImmediately: true })
      latest.end()
      assert.deepStrictEqual(yield* Fiber.join(waiting), [0])
    }),
  )

  it.effect("keeps nothing of a reader that was interrupted", () =>
    Effect.gen(function* () {
      const latest = new LatestValue(0)
      const interrupted = yield* Effect.forkChild(Stream.runDrain(latest.changes), { startImmediately: true })
      yield* Fiber.interrupt(interrupted)
      // No public property shows that the value has released the latch of the reader.
      const readers: unknown = Reflect.get(latest, "readers")
      assert.instanceOf(readers, Set)
      assert.strictEqual(readers.size, 0)
    }),
  )
})
