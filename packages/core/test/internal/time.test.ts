import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis } from "../../src/internal/time.ts"

it.effect("monotonicMillis reads the monotonic clock in milliseconds, and ignores the wall clock", () =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const wrongWallClock: Clock.Clock = {
      ...clock,
      sleep: (duration) => clock.sleep(duration),
      currentTimeMillisUnsafe: () => 0,
      monotonicTimeNanosUnsafe: () => 1_234_567_890n,
    }
    assert.strictEqual(monotonicMillis(wrongWallClock), 1_234.56789)
  }),
)
