import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as RequestSender from "../../../src/internal/client/RequestSender.ts"
import { FakeLane, sendError, serialization } from "../FakeLane.ts"

const setUp = Effect.gen(function* () {
  const fake = new FakeLane()
  const sender = yield* RequestSender.make({
    requests: fake.lane,
    serialization,
  })
  return { fake, sender }
})

describe("the sender of requests", () => {
  it.effect("acknowledges a request, and fails with the error of the lane", () =>
    Effect.gen(function* () {
      const { fake, sender } = yield* setUp
      yield* sender.acknowledge("b", "x-1")
      assert.deepStrictEqual(fake.sent, [["b", '{"_tag":"Ack","requestId":"x-1"}']])
      fake.outcome = Effect.fail(sendError("NotReading"))
      assert.strictEqual((yield* Effect.flip(sender.acknowledge("b", "x-1"))).reason._tag, "NotReading")
    }),
  )

  it.effect("interrupts requests one after the other in the background", () =>
    Effect.gen(function* () {
      const { fake, sender } = yield* setUp
      const go = Deferred.makeUnsafe<void>()
      fake.outcome = Effect.as(Deferred.await(go), { session: 1 })
      yield* sender.interrupt("b", ["x-1", "x-2"])
      yield* Effect.yieldNow
      assert.deepStrictEqual(fake.takeSent(), [{ _tag: "Interrupt", requestId: "x-1" }])
      yield* Deferred.succeed(go, undefined)
      yield* sender.drain
      assert.deepStrictEqual(fake.takeSent(), [{ _tag: "Interrupt", requestId: "x-2" }])
    }),
  )

  it.effect("does not fail if an interrupt cannot be sent", () =>
    Effect.gen(function* () {
      const { fake, sender } = yield* setUp
      fake.outcome = Effect.fail(sendError("NotConnected"))
      yield* sender.interrupt("b", ["x-1"])
      yield* sender.drain
      assert.strictEqual(fake.sent.length, 1)
    }),
  )

  it.effect("drops background tasks for one peer beyond 1,024, and none for another", () =>
    Effect.gen(function* () {
      const { sender } = yield* setUp
      let ran = 0
      const task = Effect.andThen(
        Effect.sync(() => ran++),
        Effect.never,
      )
      for (let i = 0; i < 1_100; i++) yield* sender.inBackground("slow", task)
      yield* Effect.yieldNow
      assert.strictEqual(ran, 1_024)
      yield* sender.inBackground("b", task)
      yield* Effect.yieldNow
      assert.strictEqual(ran, 1_025)
    }),
  )

  it.effect("runs background tasks for a peer again when earlier ones have ended", () =>
    Effect.gen(function* () {
      const { sender } = yield* setUp
      let ran = 0
      for (let i = 0; i < 3_000; i++) {
        yield* sender.inBackground(
          "b",
          Effect.andThen(
            Effect.sync(() => ran++),
            i % 2 === 0 ? Effect.void : Effect.die("a bug"),
          ),
        )
        if (i % 1_000 === 0) yield* Effect.yieldNow
      }
      yield* sender.drain
      assert.strictEqual(ran, 3_000)
    }),
  )

  it.effect("waits a second for background tasks when it is drained", () =>
    Effect.gen(function* () {
      const { sender } = yield* setUp
      yield* sender.inBackground("b", Effect.never)
      const draining = yield* Effect.forkChild(sender.drain)
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(draining)
    }),
  )
})
