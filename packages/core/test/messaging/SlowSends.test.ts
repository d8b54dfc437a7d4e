import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Slowness } from "../../src/flow/Slowness.ts"
import type { Awaited } from "../../src/messaging/SlowSends.ts"
import { SlowSends } from "../../src/messaging/SlowSends.ts"

/** Watches sends, and collects the lines about those that stand still, with the virtual time of each. */
const make = Effect.gen(function* () {
  const told: Array<string> = []
  const clock = yield* Clock.Clock
  const start = clock.currentTimeMillisUnsafe()
  const sends = new SlowSends({
    timeout: 1_000,
    clock,
    onSlow: ({ bytes, lane, peer, waited }) =>
      told.push(`${clock.currentTimeMillisUnsafe() - start}: ${peer.name} ${lane} ${waited} ms ${bytes} bytes`),
  })
  yield* Effect.forkChild(sends.run)
  return { sends, told }
})

const awaited = (name: string, lane = "orders"): Awaited => ({
  peer: { name, generation: 1 },
  lane,
  slowness: new Slowness(),
})

describe("sends that wait", () => {
  it.effect("are told once when nothing was accepted for the timeout, and again after the lane went on", () =>
    Effect.gen(function* () {
      const { sends, told } = yield* make
      const lane = awaited("b")
      yield* Effect.sleep(300)
      const first = yield* Effect.forkChild(sends.during(lane, 10, Effect.never))
      yield* Effect.sleep(500)
      yield* Effect.forkChild(sends.during(lane, 5, Effect.never))
      yield* Effect.sleep(3_000)
      assert.deepStrictEqual(told, ["1300: b orders 1000 ms 15 bytes"])
      assert.isTrue(lane.slowness.isSlow)
      lane.slowness.clear()
      lane.slowness.advance()
      yield* Fiber.interrupt(first)
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(told.slice(1), ["4800: b orders 1000 ms 5 bytes"])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are not told while the lane accepts something now and then, as with large messages", () =>
    Effect.gen(function* () {
      const { sends, told } = yield* make
      const lane = awaited("b")
      yield* Effect.forkChild(sends.during(lane, 10, Effect.never))
      for (let i = 0; i < 10; i++) {
        yield* Effect.sleep(900)
        lane.slowness.advance()
      }
      assert.deepStrictEqual(told, [])
      // The last progress is noticed at the next deadline.
      yield* Effect.sleep(2_500)
      assert.strictEqual(told.length, 1)
    }).pipe(VirtualTime.flow),
  )

  it.effect("are told for each lane by itself", () =>
    Effect.gen(function* () {
      const { sends, told } = yield* make
      for (const lane of [awaited("b"), awaited("b", "news"), awaited("c")]) {
        yield* Effect.forkChild(sends.during(lane, 1, Effect.never))
        yield* Effect.sleep(100)
      }
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(told, [
        "1000: b orders 1000 ms 1 bytes",
        "1100: b news 1000 ms 1 bytes",
        "1200: c orders 1000 ms 1 bytes",
      ])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are not told once they have ended", () =>
    Effect.gen(function* () {
      const { sends, told } = yield* make
      const gate = yield* Deferred.make<string>()
      const waiting = yield* Effect.forkChild(sends.during(awaited("b"), 1, Deferred.await(gate)))
      yield* Effect.sleep(900)
      yield* Deferred.succeed(gate, "accepted")
      assert.strictEqual(yield* Fiber.join(waiting), "accepted")
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(told, [])
    }).pipe(VirtualTime.flow),
  )

  it.effect("are told together with a message that was given up, once", () =>
    Effect.gen(function* () {
      const { sends, told } = yield* make
      const lane = awaited("b")
      yield* Effect.forkChild(sends.during(lane, 10, Effect.never))
      yield* Effect.sleep(500)
      sends.giveUp(lane, 1)
      sends.giveUp(lane, 1)
      yield* Effect.sleep(2_000)
      assert.deepStrictEqual(told, ["500: b orders 1000 ms 11 bytes"])
    }).pipe(VirtualTime.flow),
  )
})
