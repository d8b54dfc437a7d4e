import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { cost } from "../../src/flow/cost.ts"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import { Acknowledgement } from "../../src/flow/SendLane.ts"
import { LoopbackLane } from "../../src/messaging/LoopbackLane.ts"

const window = 1_024

/** Makes a lane, the list of messages that its reader received, and a function that takes the next message. */
const make = () => {
  const waiting: Array<InboundMessage> = []
  const lane = new LoopbackLane({ name: "orders", window, deliver: (_, message) => waiting.push(message) })
  const take = () => {
    const message = waiting.shift()
    if (message !== undefined) lane.acknowledge(message)
    return message?.payload.length
  }
  return { lane, waiting, take }
}

describe("a lane to a reader of this node", () => {
  it.effect("accepts messages up to its window, and then waits until the reader takes some, in order", () =>
    Effect.gen(function* () {
      const { lane, take, waiting } = make()
      yield* lane.offer(new Uint8Array(500))
      yield* lane.offer(new Uint8Array(396))
      assert.strictEqual(cost(500) + cost(396), window)
      const second = yield* Effect.forkChild(lane.offer(new Uint8Array(300)), { startImmediately: true })
      const third = yield* Effect.forkChild(lane.offer(new Uint8Array(1)), { startImmediately: true })
      yield* Effect.yieldNow
      assert.strictEqual(waiting.length, 2)
      assert.strictEqual(take(), 500)
      yield* Fiber.join(second)
      yield* Fiber.join(third)
      assert.deepStrictEqual([take(), take(), take()], [396, 300, 1])
    }),
  )

  it.effect(
    "accepts a message beyond its window once all earlier messages are taken, and delivers the same bytes",
    () =>
      Effect.gen(function* () {
        const { lane, take, waiting } = make()
        yield* lane.offer(new Uint8Array(1))
        const large = new Uint8Array(10 * window)
        assert.isFalse(lane.tryOffer(large))
        const fiber = yield* Effect.forkChild(lane.offer(large), { startImmediately: true })
        take()
        yield* Fiber.join(fiber)
        assert.strictEqual(waiting[0]?.payload, large)
      }),
  )

  it.effect("confirms a message when the reader takes it", () =>
    Effect.gen(function* () {
      const { lane, take } = make()
      const [first, second] = [new Acknowledgement(), new Acknowledgement()]
      lane.tryOffer(new Uint8Array(1), { acknowledgement: first })
      lane.tryOffer(new Uint8Array(2), { acknowledgement: second })
      assert.isFalse(Deferred.isDoneUnsafe(first.result))
      take()
      yield* Deferred.await(first.result)
      assert.isFalse(Deferred.isDoneUnsafe(second.result))
    }),
  )

  it.effect("fails waiting and unconfirmed messages with the reason when it is closed", () =>
    Effect.gen(function* () {
      const { lane } = make()
      const acknowledgement = new Acknowledgement()
      lane.tryOffer(new Uint8Array(900), { acknowledgement })
      const fiber = yield* Effect.forkChild(Effect.flip(lane.offer(new Uint8Array(900))), { startImmediately: true })
      lane.close("unread")
      assert.strictEqual(yield* Fiber.join(fiber), "unread")
      assert.strictEqual(yield* Effect.flip(Deferred.await(acknowledgement.result)), "unread")
      assert.strictEqual(yield* Effect.flip(lane.offer(new Uint8Array(1))), "unread")
    }),
  )

  it.effect("is ready while a frame of any size fits", () =>
    Effect.gen(function* () {
      const { lane, take } = make()
      yield* lane.ready()
      yield* lane.offer(new Uint8Array(500))
      yield* lane.offer(new Uint8Array(300))
      const ready = yield* Effect.forkChild(lane.ready(), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(ready.pollUnsafe())
      take()
      yield* Fiber.join(ready)
      lane.close("unread")
      assert.strictEqual(yield* Effect.flip(lane.ready()), "unread")
    }),
  )

  it.effect("makes progress for confirmed messages when the reader takes one of them", () =>
    Effect.gen(function* () {
      const { lane, take } = make()
      yield* lane.offer(new Uint8Array(1))
      yield* lane.offer(new Uint8Array(1), { acknowledgement: new Acknowledgement() })
      lane.taking.mark()
      const { progress } = lane.taking
      take()
      assert.isTrue(lane.taking.isSlow)
      take()
      assert.isFalse(lane.taking.isSlow)
      assert.strictEqual(lane.taking.progress, progress + 1)
    }),
  )

  it.effect("is no longer slow once there is room for a whole frame", () =>
    Effect.gen(function* () {
      const { lane, take } = make()
      yield* lane.offer(new Uint8Array(500))
      yield* lane.offer(new Uint8Array(300))
      lane.slowness.mark()
      assert.strictEqual(lane.slowness.grants, 0)
      take()
      assert.isFalse(lane.slowness.isSlow)
      assert.strictEqual(lane.slowness.grants, 1)
    }),
  )
})
