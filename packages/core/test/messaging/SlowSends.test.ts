import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Slowness } from "../../src/flow/Slowness.ts"
import type { Awaited } from "../../src/messaging/SlowSends.ts"
import { SlowSends } from "../../src/messaging/SlowSends.ts"

/** Watches sends, and collects reports about slow lanes with their virtual times. */
const make = Effect.gen(function* () {
  const reported: Array<string> = []
  const clock = yield* Clock.Clock
  const start = clock.currentTimeMillisUnsafe()
  const sends = new SlowSends({
    timeout: 1_000,
    clock,
    onSlow: ({ bytes, lane, peer, waited }) =>
      reported.push(`${clock.currentTimeMillisUnsafe() - start}: ${peer.name} ${lane} ${waited} ms ${bytes} bytes`),
  })
  yield* Effect.forkChild(sends.run)
  return { sends, reported }
})

const awaited = (name: string, lane = "orders"): Awaited => ({
  peer: { name, generation: 1 },
  lane,
  slowness: new Slowness(),
  twin: undefined,
})

describe("sends that wait", () => {
  it.effect("are reported once if nothing is accepted during the timeout, and again after the lane made progress", () =>
    Effect.gen(function* () {
      const { sends, reported } = yield* make
      const lane = awaited("b")
      yield* Effect.sleep(300)
      const first = yield* Effect.forkChild(sends.during(lane, 10, Effect.never))
      yield* Effect.sleep(500)
      yield* Effect.forkChild(sends.during(lane, 5, Effect.never))
      yield* Effect.sleep(3_000)
      assert.deepStrictEqual(reported, ["1300: b orders 1000 ms 15 bytes"])
      assert.isTrue(lane.slowness.isSlow)
      lane.slowness.clear()
      lane.slowness.advance()
      yield* Fiber.interrupt(first)
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(reported.slice(1), ["4800: b orders 1000 ms 5 bytes"])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are not reported while the lane occasionally accepts something, as with large messages", () =>
    Effect.gen(function* () {
      const { sends, reported } = yield* make
      const lane = awaited("b")
      yield* Effect.forkChild(sends.during(lane, 10, Effect.never))
      for (let i = 0; i < 10; i++) {
        yield* Effect.sleep(900)
        lane.slowness.advance()
      }
      assert.deepStrictEqual(reported, [])
      // The last progress is observed at the next deadline.
      yield* Effect.sleep(2_500)
      assert.strictEqual(reported.length, 1)
    }).pipe(VirtualTime.flow),
  )

  it.effect("are reported separately for each lane", () =>
    Effect.gen(function* () {
      const { sends, reported } = yield* make
      for (const lane of [awaited("b"), awaited("b", "news"), awaited("c")]) {
        yield* Effect.forkChild(sends.during(lane, 1, Effect.never))
        yield* Effect.sleep(100)
      }
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(reported, [
        "1000: b orders 1000 ms 1 bytes",
        "1100: b news 1000 ms 1 bytes",
        "1200: c orders 1000 ms 1 bytes",
      ])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are reported once for the two waits of a lane, until one of them makes progress", () =>
    Effect.gen(function* () {
      const { sends, reported } = yield* make
      const credit = awaited("b")
      const taking: Awaited = { ...credit, slowness: new Slowness(), twin: credit.slowness }
      yield* Effect.forkChild(sends.during({ ...credit, twin: taking.slowness }, 10, Effect.never))
      yield* Effect.forkChild(sends.during(taking, 5, Effect.never))
      yield* Effect.sleep(3_500)
      assert.deepStrictEqual(reported, ["1000: b orders 1000 ms 10 bytes"])
      assert.isTrue(credit.slowness.isSlow && taking.slowness.isSlow)
      for (const { slowness } of [credit, taking]) {
        slowness.advance()
        slowness.clear()
      }
      yield* Effect.sleep(3_000)
      assert.deepStrictEqual(reported.slice(1), ["5000: b orders 1000 ms 10 bytes"])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are not reported once they have ended", () =>
    Effect.gen(function* () {
      const { sends, reported } = yield* make
      const gate = yield* Deferred.make<string>()
      const waiting = yield* Effect.forkChild(sends.during(awaited("b"), 1, Deferred.await(gate)))
      yield* Effect.sleep(900)
      yield* Deferred.succeed(gate, "accepted")
      assert.strictEqual(yield* Fiber.join(waiting), "accepted")
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(reported, [])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are reported once together with a message that was given up", () =>
    Effect.gen(function* () {
      const { sends, reported } = yield* make
      const lane = awaited("b")
      yield* Effect.forkChild(sends.during(lane, 10, Effect.never))
      yield* Effect.sleep(500)
      sends.giveUp(lane, 1)
      sends.giveUp(lane, 1)
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(reported, ["500: b orders 1000 ms 11 bytes"])
    }).pipe(VirtualTime.flow),
  )
})
