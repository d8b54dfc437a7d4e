import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as TestClock from "effect/testing/TestClock"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import { LinkWriter, writeBufferBytes } from "../../src/link/LinkWriter.ts"
import { WriteBuffers } from "../../src/link/WriteBuffers.ts"
import { emptyBody } from "../../src/membership/State.ts"
import type { ControlFrame, Taken } from "../../src/protocol/Frame.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as Traffic from "../../src/wire/Traffic.ts"
import { record } from "../peering/fakeLink.ts"
import { lost, makeConnection, settle, testNow } from "./support.ts"

const make = Effect.gen(function* () {
  const now = yield* testNow
  const peer = yield* makeConnection
  const acknowledgements: Array<Taken> = []
  /** Number of writes at each report of a written answer. */
  const reports: Array<number> = []
  /** Number of writes before each use of the link. */
  const uses: Array<number> = []
  /** Called at each use of the link. */
  const use = { run: () => {} }
  const buffers = new WriteBuffers(writeBufferBytes)
  const writer = new LinkWriter({
    connection: peer.connection,
    makeSendLanes: (wake) =>
      new SendLanes({
        window: 1_000_000,
        limit: 1_000_000,
        wake,
        onOpened: () => undefined,
        onClosed: () => undefined,
      }),
    acknowledgements: () => acknowledgements.splice(0),
    onUse: () => {
      uses.push(peer.writes.length)
      use.run()
    },
    onAnswerWritten: () =>
      Effect.sync(() => {
        reports.push(peer.writes.length)
      }),
    limits: { controlOutbox: 3, controlOutboxBytes: 1_000_000, drainTimeout: 1_000 },
    buffers,
    sent: Traffic.make(),
    now,
  })
  const running = yield* Effect.forkChild(writer.run())
  const tags = () => peer.writes.map((frames) => frames.map(({ _tag }) => _tag))
  return { acknowledgements, buffers, now, peer, reports, running, tags, use, uses, writer }
})

const leave = { _tag: "Leave", generation: 1 } as const

/** An Update of 200 kilobytes. */
const longUpdate: ControlFrame = {
  _tag: "Update",
  records: Array.from({ length: 200 }, (_, i) => ({
    ...record(1, `peer-${i}`),
    body: { ...emptyBody, metadata: { k: "x".repeat(1_000) } },
  })),
}

describe("a link writer", () => {
  it.effect("reports each write with a frame for which it needs the peer, and no heartbeat and no gossip", () =>
    Effect.gen(function* () {
      const { tags, uses, writer } = yield* make
      const ping = { _tag: "Ping", seq: 1, viewHash: 1n, lag: 0 } as const
      for (const frame of [ping, { ...ping, _tag: "Pong" }, { _tag: "Update", records: [] }] as const) {
        writer.send(frame)
        yield* settle
      }
      assert.strictEqual(tags().length, 3)
      assert.deepStrictEqual(uses, [])
      writer.send(ping)
      writer.lanes.inbox.tryOffer(new Uint8Array(1))
      yield* settle
      writer.send({ _tag: "ProbeRequest", id: 1, target: "b", generation: 1, deadline: 500 })
      yield* settle
      assert.deepStrictEqual(uses, [3, 4])
    }),
  )

  it.effect("writes a Ping of a use before the data", () =>
    Effect.gen(function* () {
      const { acknowledgements, tags, use, writer } = yield* make
      use.run = () => writer.send({ _tag: "Ping", seq: 1, viewHash: 1n, lag: 0 })
      acknowledgements.push({ _tag: "Taken", lane: 0, id: 1 })
      writer.lanes.inbox.tryOffer(new Uint8Array(1))
      yield* settle
      assert.deepStrictEqual(tags(), [["Taken", "Ping", "Data"]])
    }),
  )

  it.effect("writes all waiting frames at once, control frames and acknowledgements before data", () =>
    Effect.gen(function* () {
      const { acknowledgements, tags, writer } = yield* make
      writer.lanes.inbox.tryOffer(new Uint8Array(1))
      writer.send(leave)
      acknowledgements.push({ _tag: "Taken", lane: 0, id: 1 })
      yield* settle
      assert.deepStrictEqual(tags(), [["Leave", "Taken", "Data"]])
    }),
  )

  it.effect("writes accepted frames before its Bye, accepts nothing more, and ends its side", () =>
    Effect.gen(function* () {
      const { peer, running, writer } = yield* make
      writer.lanes.inbox.tryOffer(new Uint8Array(1))
      writer.close("left", "x".repeat(1_000))
      writer.close("slow", "the first Bye stays")
      writer.send(leave)
      assert.strictEqual(writer.lanes.state(), "closed")
      yield* Fiber.join(running)
      const [data, bye, ...more] = peer.written()
      assert.strictEqual(data?._tag, "Data")
      assert.deepStrictEqual(bye, { _tag: "Bye", code: "left", message: "x".repeat(512) })
      assert.deepStrictEqual(more, [])
      assert.isTrue(peer.isEnded())
    }),
  )

  it.effect("writes a long list in writes of at most 64 KiB, and data only afterwards", () =>
    Effect.gen(function* () {
      const { peer, tags, writer } = yield* make
      writer.lanes.inbox.tryOffer(new Uint8Array(1))
      writer.send(longUpdate)
      yield* settle
      assert.isAbove(peer.writes.length, 3)
      for (const frames of peer.writes) {
        assert.isAtMost(
          frames.reduce((sum, frame) => sum + FrameEncoder.encode(frame).length, 0),
          64 * 1024 + 100,
        )
      }
      assert.deepStrictEqual([...new Set(tags().flat())], ["Update", "Data"])
      assert.strictEqual(tags().flat().at(-1), "Data")
    }),
  )

  it.effect("drops waiting frames on discard, so that the Bye follows the current write", () =>
    Effect.gen(function* () {
      const { peer, tags, writer } = yield* make
      const taken = yield* Deferred.make<void>()
      peer.writesTake(Deferred.await(taken))
      writer.send(leave)
      yield* settle
      writer.send(longUpdate)
      writer.lanes.inbox.tryOffer(new Uint8Array(1))
      assert.isAbove(writer.queuedBytes(), 200_000)
      writer.discard()
      assert.strictEqual(writer.queuedBytes(), 0)
      writer.close("slow", "")
      yield* Deferred.succeed(taken, undefined)
      yield* settle
      assert.deepStrictEqual(tags(), [["Leave"], ["Bye"]])
    }),
  )

  it.effect("returns the time of the last write, which is now while a write waits", () =>
    Effect.gen(function* () {
      const { now, peer, writer } = yield* make
      const begin = now()
      yield* TestClock.adjust(100)
      assert.strictEqual(writer.lastWritten(), begin)
      const taken = yield* Deferred.make<void>()
      peer.writesTake(Deferred.await(taken))
      writer.send(leave)
      yield* settle
      yield* TestClock.adjust(100)
      assert.strictEqual(writer.lastWritten(), begin + 200)
      yield* Deferred.succeed(taken, undefined)
      yield* settle
      yield* TestClock.adjust(100)
      assert.strictEqual(writer.lastWritten(), begin + 200)
    }),
  )

  it.effect("reports once that an answer is written, when no control frame waits any more", () =>
    Effect.gen(function* () {
      const { peer, reports, writer } = yield* make
      writer.send(leave)
      yield* settle
      assert.deepStrictEqual(reports, [])
      const writing = yield* Latch.make()
      peer.writesTake(writing.await)
      writer.answer(leave)
      yield* settle
      assert.deepStrictEqual(reports, [], "the peer does not read")
      writer.send(leave)
      peer.writesTake(Effect.void)
      yield* writing.open
      yield* settle
      assert.deepStrictEqual(reports, [3])
      writer.send(leave)
      yield* settle
      assert.deepStrictEqual(reports, [3])
    }),
  )

  it.effect("reports a written answer only when the rate allows the next one, counted with all control frames", () =>
    Effect.gen(function* () {
      const { reports, writer } = yield* make
      // Each counts as about 30 frames.
      for (let i = 0; i < 40; i++) {
        writer.send(longUpdate)
        yield* settle
      }
      writer.answer(leave)
      yield* settle
      assert.deepStrictEqual(reports, [])
      yield* TestClock.adjust(1_000)
      yield* settle
      assert.strictEqual(reports.length, 1)
      writer.answer(leave)
      yield* settle
      assert.strictEqual(reports.length, 2)
    }),
  )

  it.effect("returns the buffer of a write once it is written", () =>
    Effect.gen(function* () {
      const { buffers, writer } = yield* make
      for (let i = 0; i < 3; i++) writer.lanes.inbox.tryOffer(new Uint8Array(2_000))
      yield* settle
      assert.strictEqual(buffers.take(1).length, writeBufferBytes, "a buffer of the full size is free")
    }),
  )

  it.effect("reports messages as moved when a better link took over", () =>
    Effect.gen(function* () {
      const { writer } = yield* make
      writer.close("duplicate", "")
      assert.strictEqual(writer.lanes.state(), "moved")
    }),
  )

  it.effect("ends without a Bye if none is given", () =>
    Effect.gen(function* () {
      const { peer, running, writer } = yield* make
      writer.finish(undefined)
      yield* Fiber.join(running)
      assert.deepStrictEqual(peer.written(), [])
      assert.isTrue(peer.isEnded())
    }),
  )

  it.effect("reports a peer as stuck when its control frames no longer fit the queue", () =>
    Effect.gen(function* () {
      const { now, peer, writer } = yield* make
      peer.writesTake(Effect.never)
      writer.send(leave)
      yield* settle
      for (let i = 0; i < 3; i++) writer.send(leave)
      assert.isFalse(writer.isStuck(now()))
      writer.send(leave)
      assert.isTrue(writer.isStuck(now()))
      assert.strictEqual(writer.queued(), 3)
    }),
  )

  it.effect(
    "reports a peer as stuck that drains nothing for the drain timeout, without the stalls of this process",
    () =>
      Effect.gen(function* () {
        const { now, peer, writer } = yield* make
        peer.writesTake(Effect.never)
        writer.send(leave)
        yield* settle
        const begin = now()
        assert.isFalse(writer.isStuck(begin + 999))
        assert.isTrue(writer.isStuck(begin + 1_000))
        writer.excuse(300, begin + 1_000)
        assert.isFalse(writer.isStuck(begin + 1_299))
        assert.isTrue(writer.isStuck(begin + 1_300))
      }),
  )

  it.effect("ends when the connection fails", () =>
    Effect.gen(function* () {
      const { peer, running, writer } = yield* make
      peer.writesTake(Effect.fail(lost))
      writer.send(leave)
      yield* Fiber.join(running)
    }),
  )
})
