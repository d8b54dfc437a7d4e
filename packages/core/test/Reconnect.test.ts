import * as Reconnect from "@coterie/core/Reconnect"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** Returns the first delays of a schedule in milliseconds. Returns fewer if the schedule ends. */
const delaysOf = (schedule: Schedule.Schedule<unknown>, count: number) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(schedule)
    const delays: Array<number> = []
    let now = 0
    while (delays.length < count) {
      const next = yield* Effect.option(step(now, undefined))
      if (next._tag === "None") break
      const [, delay] = next.value
      delays.push(Duration.toMillis(delay))
      now += Duration.toMillis(delay)
    }
    return delays
  })

describe("fullJitter", () => {
  it.effect("draws each delay from the whole range between zero and the delay of the schedule", () =>
    Effect.gen(function* () {
      const delays = yield* delaysOf(Reconnect.fullJitter(Schedule.spaced("10 seconds")), 1_000)
      for (const delay of delays) {
        assert.isAtLeast(delay, 0)
        assert.isBelow(delay, 10_000)
      }
      const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
      assert.approximately(mean, 5_000, 500)
      assert.isBelow(Math.min(...delays), 200)
      assert.isAbove(Math.max(...delays), 9_800)
    }).pipe(Random.withSeed("full jitter")),
  )

  it.effect("ends when its schedule ends", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* delaysOf(Reconnect.fullJitter(Schedule.recurs(3)), 100)).length, 3)
    }),
  )
})

describe("the default schedule", () => {
  it.effect("never ends, and its delays double from one second to at most one minute", () =>
    Effect.gen(function* () {
      // The mean of many draws is half of the delay before the jitter.
      const count = 12
      const runs = 400
      const sums = Array.from({ length: count }, () => 0)
      for (let run = 0; run < runs; run++) {
        const delays = yield* delaysOf(Reconnect.defaultSchedule, count)
        assert.strictEqual(delays.length, count)
        for (const [i, delay] of delays.entries()) {
          const most = Math.min(1_000 * 2 ** i, 60_000)
          assert.isAtMost(delay, most)
          sums[i] = (sums[i] ?? 0) + delay / most
        }
      }
      for (const sum of sums) assert.approximately(sum / runs, 0.5, 0.1)
    }).pipe(Random.withSeed("default schedule")),
  )

  it("is the policy unless a layer provides another", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        assert.strictEqual(yield* Reconnect.Reconnect, Reconnect.defaultSchedule)
        const other = Schedule.spaced("1 second")
        assert.strictEqual(yield* Effect.provide(Reconnect.Reconnect, Reconnect.layer(other)), other)
      }),
    ))
})
