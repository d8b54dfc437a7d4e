import * as MonotonicTime from "@coterie/core/MonotonicTime"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

it.effect("monotonic time follows the clock of the fiber, in milliseconds", () =>
  Effect.gen(function* () {
    const before = yield* MonotonicTime.millis
    yield* TestClock.adjust("1500 millis")
    assert.strictEqual((yield* MonotonicTime.millis) - before, 1_500)
    assert.strictEqual(MonotonicTime.millisUnsafe(yield* Clock.Clock), yield* MonotonicTime.millis)
  }),
)
