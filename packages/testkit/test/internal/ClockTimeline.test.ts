import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { ClockTimeline } from "../../src/internal/ClockTimeline.ts"

/** Makes a timeline on the test clock, and the list of the texts that its events add. */
const make = Effect.gen(function* () {
  const timeline = new ClockTimeline(yield* Clock.Clock, yield* Effect.context<never>())
  const said: Array<string> = []
  const say = (text: string, at: number) => timeline.schedule(at, () => said.push(`${text} ${timeline.now()}`))
  return { timeline, said, say }
})

describe("ClockTimeline", () => {
  it.effect("calls events in the order of time, and in the order of scheduling within one instant", () =>
    Effect.gen(function* () {
      const { said, say } = yield* make
      say("late", 20_000)
      say("early", 10_000)
      say("then", 10_000)
      yield* TestClock.adjust("9 millis")
      assert.deepStrictEqual(said, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(said, ["early 10000", "then 10000"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(said.length, 3)
    }),
  )

  it.effect("never calls an event inside of the call that schedules it", () =>
    Effect.gen(function* () {
      const { said, say } = yield* make
      say("now", 0)
      assert.deepStrictEqual(said, [])
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      assert.deepStrictEqual(said, ["now 0"])
    }),
  )

  it.effect("does not call an event that was cancelled before or at its time", () =>
    Effect.gen(function* () {
      const { said, say, timeline } = yield* make
      say("stays", 10_000)
      say("cancelled", 5_000).cancel()
      const second = { cancel: (): void => undefined }
      timeline.schedule(8_000, () => second.cancel())
      second.cancel = say("cancelled at its time", 8_000).cancel
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        said.map((text) => text.split(" ")[0]),
        ["stays"],
      )
    }),
  )

  it.effect("calls events that an event schedules, also at the same time and before waiting events", () =>
    Effect.gen(function* () {
      const { said, say, timeline } = yield* make
      say("last", 30_000)
      timeline.schedule(10_000, () => {
        say("at once", 10_000)
        say("between", 20_000)
      })
      yield* TestClock.adjust("10 millis")
      yield* TestClock.adjust("10 millis")
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(said, ["at once 10000", "between 20000", "last 30000"])
    }),
  )

  it.effect("wakes up for an event that is earlier than the one it sleeps for", () =>
    Effect.gen(function* () {
      const { said, say } = yield* make
      say("far", 3_600_000_000)
      yield* TestClock.adjust("1 second")
      say("near", 2_000_000)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(said, ["near 2000000"])
    }),
  )
})
