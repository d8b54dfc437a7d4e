import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Frame } from "../../src/protocol/Frame.ts"
import { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import { lost, makeConnection } from "./support.ts"

const ping = (seq: number): Frame => ({ _tag: "Ping", seq, viewHash: 0n, lag: 0 })

const data = (bytes: number): Frame => ({
  _tag: "Data",
  lane: 0,
  first: true,
  last: true,
  abort: false,
  payload: new Uint8Array(bytes),
})

describe("a frame reader", () => {
  it.effect("returns one frame at a time during the handshake, and keeps the rest of the chunk for the link", () =>
    Effect.gen(function* () {
      const peer = yield* makeConnection
      const reader = peer.reader()
      peer.says(ping(1), ping(2), data(60_000), ping(3))
      assert.deepStrictEqual(yield* reader.next, ping(1))
      assert.deepStrictEqual(yield* reader.next, ping(2))
      reader.open()
      assert.deepStrictEqual(yield* reader.batch, [data(60_000), ping(3)])
    }),
  )

  it.effect("refuses a frame of full size until the handshake is complete", () =>
    Effect.gen(function* () {
      const peer = yield* makeConnection
      const reader = peer.reader()
      peer.says(data(60_000))
      const end = yield* Effect.flip(reader.next)
      assert.strictEqual(end._tag === "ProtocolViolation" ? end.code : end._tag, "oversize")
    }),
  )

  it.effect("returns the frames before the end first, and then the end on every call", () =>
    Effect.gen(function* () {
      const peer = yield* makeConnection
      const reader = peer.reader()
      reader.open()
      peer.says(ping(1))
      peer.sendsBytes(0, 0, 0, 0)
      assert.deepStrictEqual(yield* reader.batch, [ping(1)])
      for (let i = 0; i < 2; i++) assert.instanceOf(yield* Effect.flip(reader.batch), ProtocolViolation)
    }),
  )

  it.effect("distinguishes a stream that ended from a lost connection", () =>
    Effect.gen(function* () {
      const first = yield* makeConnection
      yield* first.ends
      assert.deepStrictEqual(yield* Effect.flip(first.reader().batch), { _tag: "Ended" })
      const second = yield* makeConnection
      yield* second.breaks
      assert.deepStrictEqual(yield* Effect.flip(second.reader().batch), { _tag: "Lost", error: lost })
    }),
  )

  it.effect("reports bytes of an incomplete frame", () =>
    Effect.gen(function* () {
      const peer = yield* makeConnection
      const reader = peer.reader()
      let heard = 0
      reader.onBytes(() => heard++)
      const reading = yield* Effect.forkChild(reader.batch, { startImmediately: true })
      peer.sendsBytes(0, 0)
      yield* Effect.yieldNow
      assert.strictEqual(heard, 1)
      assert.isUndefined(reading.pollUnsafe())
      yield* Fiber.interrupt(reading)
    }),
  )
})
