import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as RetrySchedule from "../../src/peering/RetrySchedule.ts"

/** Returns the duration of the effect, in milliseconds. */
const timed = <A>(effect: Effect.Effect<A>) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const value = yield* effect
    return [(yield* Clock.currentTimeMillis) - before, value] as const
  })

it.effect("pauses by the schedule, and returns false when the schedule has ended", () =>
  Effect.gen(function* () {
    const schedule = yield* RetrySchedule.make(Schedule.max([Schedule.exponential("100 millis"), Schedule.recurs(2)]))
    assert.deepStrictEqual(yield* timed(schedule.pause()), [100, true])
    assert.deepStrictEqual(yield* timed(schedule.pause()), [200, true])
    assert.deepStrictEqual(yield* timed(schedule.pause()), [0, false])
  }).pipe(VirtualTime.flow),
)

it.effect("pauses for at most the interval, and for the interval once the schedule has ended", () =>
  Effect.gen(function* () {
    const interval = Duration.millis(150)
    const schedule = yield* RetrySchedule.make(Schedule.max([Schedule.exponential("100 millis"), Schedule.recurs(2)]))
    assert.strictEqual((yield* timed(schedule.pauseAtMost(interval)))[0], 100)
    assert.strictEqual((yield* timed(schedule.pauseAtMost(interval)))[0], 150)
    assert.strictEqual((yield* timed(schedule.pauseAtMost(interval)))[0], 150)
  }).pipe(VirtualTime.flow),
)
