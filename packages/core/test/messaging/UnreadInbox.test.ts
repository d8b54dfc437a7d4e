import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { UnreadInbox } from "../../src/messaging/UnreadInbox.ts"

/** Makes an inbox with waiting messages of two links, and collects its log lines. */
const make = Effect.gen(function* () {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    lines.push(String(Array.isArray(message) ? message[0] : message))
  })
  const state = { waiting: 2 }
  const inbox = new UnreadInbox({ timeout: 1_000, waiting: () => state.waiting })
  yield* Effect.forkChild(Effect.provide(inbox.run, Logger.layer([logger])))
  yield* Effect.yieldNow
  return { inbox, lines, state }
})

describe("an unread inbox", () => {
  it.effect("is reported once after the timeout", () =>
    Effect.gen(function* () {
      const { inbox, lines } = yield* make
      inbox.arrived()
      yield* Effect.sleep(500)
      inbox.arrived()
      yield* Effect.sleep(499)
      assert.deepStrictEqual(lines, [])
      yield* Effect.sleep(1)
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "messages of 2 links wait")
      inbox.arrived()
      yield* Effect.sleep(5_000)
      assert.strictEqual(lines.length, 1)
    }).pipe(VirtualTime.flow),
  )

  it.effect("is not reported if no message waits any more, or if there is a reader", () =>
    Effect.gen(function* () {
      const { inbox, lines, state } = yield* make
      inbox.arrived()
      yield* Effect.sleep(500)
      state.waiting = 0
      yield* Effect.sleep(5_000)
      state.waiting = 2
      const gate = yield* Deferred.make<void>()
      const reading = yield* Effect.forkChild(Stream.runDrain(inbox.count(Stream.fromEffect(Deferred.await(gate)))))
      yield* Effect.sleep(5_000)
      inbox.arrived()
      yield* Effect.sleep(5_000)
      assert.deepStrictEqual(lines, [])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(reading)
      yield* Effect.sleep(1_500)
      assert.strictEqual(lines.length, 1, "messages that wait when the last reader ends are reported")
    }).pipe(VirtualTime.flow),
  )

  it.effect("is not reported while a reader runs that started before the messages were suspected to wait", () =>
    Effect.gen(function* () {
      const { inbox, lines } = yield* make
      inbox.arrived()
      // The watching fiber has not run since the arrival.
      const reading = yield* Effect.forkChild(inbox.during(Effect.never), { startImmediately: true })
      yield* Effect.sleep(5_000)
      assert.deepStrictEqual(lines, [])
      yield* Fiber.interrupt(reading)
      yield* Effect.sleep(999)
      assert.deepStrictEqual(lines, [])
      yield* Effect.sleep(1)
      assert.strictEqual(lines.length, 1, "messages that wait when the reader ends are reported")
    }).pipe(VirtualTime.flow),
  )

  it.effect("restarts the timeout when such a reader ends", () =>
    Effect.gen(function* () {
      const { inbox, lines } = yield* make
      inbox.arrived()
      yield* Effect.forkChild(inbox.during(Effect.sleep(900)), { startImmediately: true })
      yield* Effect.sleep(1_800)
      assert.deepStrictEqual(lines, [])
      yield* Effect.sleep(1_000)
      assert.strictEqual(lines.length, 1)
    }).pipe(VirtualTime.flow),
  )

  it.effect("restarts the timeout after a late reader", () =>
    Effect.gen(function* () {
      const { inbox, lines } = yield* make
      inbox.arrived()
      yield* Effect.sleep(900)
      yield* Stream.runDrain(inbox.count(Stream.make(1)))
      yield* Effect.sleep(900)
      assert.deepStrictEqual(lines, [])
      yield* Effect.sleep(1_000)
      assert.strictEqual(lines.length, 1)
    }).pipe(VirtualTime.flow),
  )
})
