import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { maxSampleAge, RoundTripTime } from "../../src/link/RoundTripTime.ts"
import { settle, testNow } from "./support.ts"

const timeout = 3_000

const make = Effect.gen(function* () {
  const now = yield* testNow
  const pings: Array<number> = []
  let seq = 0
  const samples: Array<number> = []
  const rtt: RoundTripTime = new RoundTripTime({
    now,
    timeout,
    host: {
      onSample: (millis) => samples.push(millis),
      ping: () => {
        pings.push(seq)
        rtt.sent(seq++)
      },
    },
  })
  const pong = (of: number) => rtt.received(of, now())
  const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
  /** Sends a Ping that is answered after this time. */
  const exchange = Effect.fnUntraced(function* (millis: number) {
    rtt.sent(seq)
    yield* pass(millis)
    pong(seq++)
  })
  return { exchange, now, pass, pings, pong, rtt, samples }
})

describe("the round-trip time of a link", () => {
  it.effect(
    "is unknown before the first Pong, then its time, and then moves an eighth of the way to each new sample",
    () =>
      Effect.gen(function* () {
        const { exchange, rtt } = yield* make
        assert.isUndefined(rtt.value)
        yield* exchange(80)
        assert.strictEqual(rtt.value, 80)
        yield* exchange(160)
        assert.strictEqual(rtt.value, 90)
        yield* exchange(10)
        assert.strictEqual(rtt.value, 80)
      }),
  )

  it.effect("ignores a Pong without a Ping, and a repeated Pong", () =>
    Effect.gen(function* () {
      const { pass, pong, rtt } = yield* make
      pong(7)
      rtt.sent(1)
      yield* pass(5)
      pong(2)
      assert.isUndefined(rtt.value)
      pong(1)
      yield* pass(100)
      pong(1)
      assert.strictEqual(rtt.value, 5)
    }),
  )

  it.effect("is measured with one Ping after another, even if a round trip takes longer than a heartbeat", () =>
    Effect.gen(function* () {
      const { pass, pong, rtt } = yield* make
      rtt.sent(0)
      yield* pass(1_000)
      rtt.sent(1)
      yield* pass(500)
      pong(0)
      assert.strictEqual(rtt.value, 1_500)
      yield* pass(1_000)
      pong(1)
      assert.strictEqual(rtt.value, 1_500)
    }),
  )

  it.effect("is measured again after an unanswered Ping", () =>
    Effect.gen(function* () {
      const { exchange, pass, rtt } = yield* make
      rtt.sent(99)
      yield* pass(timeout)
      yield* exchange(20)
      assert.strictEqual(rtt.value, 20)
    }),
  )

  it.effect("is returned at once while it is fresh, and otherwise after one Ping for all callers of that time", () =>
    Effect.gen(function* () {
      const { exchange, pass, pings, pong, rtt } = yield* make
      yield* exchange(80)
      yield* pass(maxSampleAge - 1)
      assert.strictEqual(yield* rtt.measure(), 80)
      assert.deepStrictEqual(pings, [])
      yield* pass(1)
      const asking = yield* Effect.forkChild(Effect.all([rtt.measure(), rtt.measure()], { concurrency: 2 }))
      yield* pass(160)
      assert.isUndefined(asking.pollUnsafe())
      assert.deepStrictEqual(pings, [1])
      pong(1)
      assert.deepStrictEqual(yield* Fiber.join(asking), [90, 90])
    }),
  )

  it.effect("is the last known value, or unknown, if no Pong arrives in time", () =>
    Effect.gen(function* () {
      const { exchange, pass, rtt } = yield* make
      const first = yield* Effect.forkChild(rtt.measure())
      yield* pass(timeout)
      assert.isUndefined(yield* Fiber.join(first))
      yield* exchange(30)
      yield* pass(maxSampleAge)
      const second = yield* Effect.forkChild(rtt.measure())
      yield* pass(timeout)
      assert.strictEqual(yield* Fiber.join(second), 30)
    }),
  )

  it.effect("releases all waiting callers once the link has ended", () =>
    Effect.gen(function* () {
      const { pings, rtt } = yield* make
      const asking = yield* Effect.forkChild(rtt.measure())
      yield* settle
      rtt.end()
      assert.isUndefined(yield* Fiber.join(asking))
      assert.isUndefined(yield* rtt.measure())
      assert.deepStrictEqual(pings, [0])
    }),
  )

  it.effect("is measured until the bytes of the Pong arrive, not until this side handles them", () =>
    Effect.gen(function* () {
      const { now, pass, rtt } = yield* make
      rtt.sent(0)
      yield* pass(40)
      const arrival = now()
      yield* pass(60)
      rtt.received(0, arrival)
      assert.strictEqual(rtt.value, 40)
      assert.strictEqual(rtt.summary()?.age, 60)
    }),
  )

  it.effect("is summarized over the newest samples, with the age of the last one", () =>
    Effect.gen(function* () {
      const { exchange, pass, rtt, samples } = yield* make
      assert.isUndefined(rtt.summary())
      for (const millis of [30, 10, 20]) yield* exchange(millis)
      yield* pass(500)
      assert.deepStrictEqual(rtt.summary(), { last: 20, min: 10, median: 20, max: 30, samples: 3, age: 500 })
      assert.deepStrictEqual(samples, [30, 10, 20])
    }),
  )

  it.effect("is not measured over a stall of this process, and callers that wait get another Ping", () =>
    Effect.gen(function* () {
      const { exchange, pass, pings, pong, rtt, samples } = yield* make
      rtt.sent(0)
      yield* pass(5_000)
      rtt.stalled()
      pong(0)
      assert.deepStrictEqual(samples, [])
      assert.deepStrictEqual(pings, [])
      yield* exchange(20)
      yield* pass(maxSampleAge)
      const asking = yield* Effect.forkChild(rtt.measure())
      yield* pass(400)
      assert.deepStrictEqual(pings, [1])
      rtt.stalled()
      assert.deepStrictEqual(pings, [1, 2])
      yield* pass(20)
      pong(1)
      assert.isUndefined(asking.pollUnsafe())
      pong(2)
      assert.strictEqual(yield* Fiber.join(asking), 20)
      assert.deepStrictEqual(samples, [20, 20])
    }),
  )
})
