import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Limits from "../../src/Limits.ts"
import { Link } from "../../src/link/Link.ts"
import type { LinkEnd } from "../../src/link/LinkEnd.ts"
import { writeBufferBytes } from "../../src/link/LinkWriter.ts"
import * as LinkTimer from "../../src/link/LinkTimer.ts"
import { WriteBuffers } from "../../src/link/WriteBuffers.ts"
import { defaults } from "../../src/cluster/Overrides.ts"
import { maxLanes } from "../../src/protocol/constants.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as Traffic from "../../src/wire/Traffic.ts"
import { record } from "../peering/fakeLink.ts"
import { makeConnection, settle, testNow } from "./support.ts"

const limits: Limits.Limits = { ...Limits.defaults, linger: 500, drainTimeout: 2_000 }

const make = Effect.gen(function* () {
  const peer = yield* makeConnection
  const reader = peer.reader()
  reader.open()
  const log: Array<string> = []
  const link = new Link({
    connection: peer.connection,
    reader,
    peer: record(7),
    rank: { instance: 0, instances: [0, 0], epoch: 1, byLower: true },
    dialed: true,
    observedHost: "203.0.113.9",
    drives: true,
    peerWindow: 100_000,
    peerLinkTimeout: 3_000,
    viewHash: 1n,
    sent: Traffic.make(),
    buffers: new WriteBuffers(writeBufferBytes),
    limits,
    lanes: defaults,
    session: () => ({ session: 1 }),
    timing: { heartbeat: 1_000, idleHeartbeat: 15_000, linkTimeout: 3_000 },
    timer: yield* LinkTimer.make({ heartbeat: 1_000, now: yield* testNow }),
    hooks: {
      effectiveLinkTimeout: () => 3_000,
      onHeard: () => Effect.sync(() => void log.push("heard")),
      onMembership: (_, { _tag }) => Effect.sync(() => void log.push(_tag)),
      onAnswerWritten: () => Effect.sync(() => void log.push("answer written")),
      onViewHash: () => Effect.void,
      onLaneOpened: () => undefined,
      onLaneClosed: () => undefined,
      sinkOf:
        () =>
        (_, { payload }) =>
          log.push(`message of ${payload.length}`),
      isWatched: () => true,
      viewHash: () => 2n,
      onRoundTrip: (_, millis) => void log.push(`round trip of ${millis} ms`),
    },
  })
  const ends: Array<LinkEnd> = []
  const running = yield* Effect.forkChild(
    link.run((end) =>
      Effect.sync(() => {
        ends.push(end)
        log.push(`ended after ${peer.written().length} frames`)
      }),
    ),
  )
  const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
  yield* settle
  return {
    ends: () => ends.map((end) => (end._tag === "ProtocolViolation" ? end.code : end._tag)),
    isOver: () => running.pollUnsafe() !== undefined,
    link,
    log,
    pass,
    peer,
    says: (...frames: ReadonlyArray<Frame>) => Effect.suspend(() => (peer.says(...frames), settle)),
    tags: () => peer.written().map((frame) => (frame._tag === "Bye" ? `Bye ${frame.code}` : frame._tag)),
  }
})

const message: Frame = { _tag: "Data", lane: 0, first: true, last: true, abort: false, payload: new Uint8Array(9) }

describe("a link", () => {
  it.effect("carries messages in both directions, and measures the waiting bytes", () =>
    Effect.gen(function* () {
      const { link, log, says, tags } = yield* make
      assert.isTrue(link.inbox.tryOffer(new Uint8Array(100)))
      assert.strictEqual(link.gauges().data, 164)
      yield* says(message)
      assert.deepStrictEqual(tags(), ["Data"])
      assert.deepStrictEqual(log, ["message of 9"])
      assert.deepInclude(link.gauges(), { data: 0, inbox: 73, viewHash: 1n })
    }),
  )

  it.effect("closed by this side sends accepted messages, then its Bye, and waits for the end of the peer", () =>
    Effect.gen(function* () {
      const { ends, isOver, link, peer, tags } = yield* make
      link.inbox.tryOffer(new Uint8Array(1))
      link.close("left", "")
      assert.isFalse(link.isOpen())
      yield* settle
      assert.deepStrictEqual(tags(), ["Data", "Bye left"])
      assert.isFalse(isOver())
      yield* peer.ends
      yield* settle
      assert.deepStrictEqual(ends(), ["Ended"])
      assert.isTrue(isOver())
    }),
  )

  it.effect("closed by this side ends by itself if the peer never ends it", () =>
    Effect.gen(function* () {
      const { ends, isOver, link, pass } = yield* make
      link.close("left", "")
      yield* pass(1)
      yield* pass(2_998)
      assert.isFalse(isOver())
      yield* pass(1)
      yield* pass(limits.linger)
      assert.strictEqual(ends().length, 1)
      assert.isTrue(isOver())
    }),
  )

  it.effect("of a node that stops ends with its Bye, and does not wait further for a silent peer", () =>
    Effect.gen(function* () {
      const { ends, isOver, link, pass, tags } = yield* make
      yield* pass(600)
      link.part()
      yield* pass(999)
      assert.deepStrictEqual(ends(), [])
      yield* pass(1)
      assert.deepStrictEqual(ends(), ["Silent"])
      assert.deepStrictEqual(tags(), ["Ping", "Ping", "Bye silent"])
      yield* pass(0)
      assert.isTrue(isOver())
    }),
  )

  it.effect("whose peer breaks the protocol is reported as ended before its Bye, which contains the violation", () =>
    Effect.gen(function* () {
      const { ends, log, peer, says } = yield* make
      yield* says({ _tag: "Credit", lane: 0, bytes: 1 })
      assert.deepStrictEqual(ends(), ["malformed"])
      assert.deepStrictEqual(log, ["ended after 0 frames"])
      const message = "credit beyond the window of the lane"
      assert.deepStrictEqual(peer.written(), [{ _tag: "Bye", code: "malformed", message }])
    }),
  )

  it.effect("whose peer takes no bytes ends with Bye slow right after the current write", () =>
    Effect.gen(function* () {
      const { ends, link, pass, peer, says, tags } = yield* make
      const taken = yield* Deferred.make<void>()
      peer.writesTake(Deferred.await(taken))
      link.inbox.tryOffer(new Uint8Array(1))
      yield* settle
      link.send({ _tag: "Update", records: [record(7)] })
      link.inbox.tryOffer(new Uint8Array(1))
      for (let i = 0; i < 2; i++) {
        yield* pass(1_000)
        yield* says(message)
      }
      assert.deepStrictEqual(ends(), ["Slow"])
      yield* Deferred.succeed(taken, undefined)
      yield* settle
      assert.deepStrictEqual(tags(), ["Data", "Bye slow"])
    }),
  )

  it.effect("whose peer is silent ends with Bye silent", () =>
    Effect.gen(function* () {
      const { ends, link, pass, tags } = yield* make
      yield* pass(3_000)
      assert.deepStrictEqual(ends(), ["Silent"])
      assert.isFalse(link.isOpen())
      assert.strictEqual(tags().at(-1), "Bye silent")
    }),
  )

  it.effect(
    "whose peer moved to a better link still sends accepted messages, and confirms that it received everything",
    () =>
      Effect.gen(function* () {
        const { ends, link, peer, says, tags } = yield* make
        peer.writesTake(Effect.never)
        link.inbox.tryOffer(new Uint8Array(1))
        yield* settle
        link.inbox.tryOffer(new Uint8Array(2))
        peer.writesTake(Effect.void)
        yield* says({ _tag: "Bye", code: "duplicate", message: "" })
        assert.deepStrictEqual(ends(), ["Bye"])
        assert.deepStrictEqual(tags(), ["Data"], "the first write never ends here")
        assert.strictEqual(link.gauges().data, 65 + 66, "nothing was dropped")
      }),
  )

  it.effect("that is cut ends at once with Bye slow", () =>
    Effect.gen(function* () {
      const { ends, link, tags } = yield* make
      link.cut()
      yield* settle
      assert.deepStrictEqual(ends(), ["Slow"])
      assert.deepStrictEqual(tags(), ["Bye slow"])
    }),
  )

  it.effect("reports that an answer is written", () =>
    Effect.gen(function* () {
      const { link, log, tags } = yield* make
      link.answer({ _tag: "SyncDelta", records: [], want: [] })
      yield* settle
      assert.deepStrictEqual(tags(), ["SyncDelta"])
      assert.deepStrictEqual(log, ["answer written"])
    }),
  )

  it.effect("requests one sign of life from the peer, and reports it", () =>
    Effect.gen(function* () {
      const { link, log, says, tags } = yield* make
      link.pingNow()
      link.pingNow()
      yield* settle
      assert.deepStrictEqual(tags(), ["Ping"])
      yield* says(message)
      assert.deepStrictEqual(log, ["heard", "message of 9"])
    }),
  )

  it.effect("knows the time since it last heard the peer", () =>
    Effect.gen(function* () {
      const { link, pass, says } = yield* make
      yield* pass(200)
      assert.strictEqual(link.heardAgo(), 200)
      yield* says(message)
      assert.strictEqual(link.heardAgo(), 0)
      assert.strictEqual(link.gauges().lastHeard, link.openedAt + 200)
    }),
  )

  it.effect("knows the host of the peer, the side that dialed, and the host of this node as the peer sees it", () =>
    Effect.gen(function* () {
      const { link } = yield* make
      assert.deepInclude(link, { dialed: true, remoteHost: "198.51.100.7", observedHost: "203.0.113.9" })
    }),
  )

  it.effect("measures a round trip with each heartbeat, and reports it", () =>
    Effect.gen(function* () {
      const { link, log, pass, says } = yield* make
      assert.isUndefined(link.roundTrips())
      yield* pass(1_000)
      yield* pass(30)
      yield* says({ _tag: "Pong", seq: 0, viewHash: 1n, lag: 0 })
      assert.deepStrictEqual(log, ["round trip of 30 ms"])
      yield* pass(50)
      assert.deepStrictEqual(link.roundTrips(), { last: 30, min: 30, median: 30, max: 30, samples: 1, age: 50 })
    }),
  )

  it.effect("knows the lag of the peer as its last heartbeat reported it", () =>
    Effect.gen(function* () {
      const { link, says } = yield* make
      assert.isUndefined(link.gauges().peerLag)
      yield* says({ _tag: "Ping", seq: 0, viewHash: 1n, lag: 70 })
      assert.strictEqual(link.gauges().peerLag, 70)
      yield* says({ _tag: "Pong", seq: 9, viewHash: 1n, lag: 5 })
      assert.strictEqual(link.gauges().peerLag, 5)
    }),
  )

  it.effect("counts the bytes in both directions", () =>
    Effect.gen(function* () {
      const { link, peer, says } = yield* make
      assert.deepInclude(link.gauges(), { bytesIn: 0, bytesOut: 0 })
      link.inbox.tryOffer(new Uint8Array(100))
      yield* says(message)
      const sizeOf = (frames: ReadonlyArray<Frame>) =>
        frames.reduce((sum, frame) => sum + FrameEncoder.encode(frame).length, 0)
      assert.strictEqual(link.gauges().bytesIn, sizeOf([message]))
      assert.strictEqual(link.gauges().bytesOut, sizeOf(peer.written()))
      assert.isAbove(link.gauges().bytesOut, 100)
    }),
  )

  it.effect("knows the lanes of the peer once the peer has listed them", () =>
    Effect.gen(function* () {
      const { link, says } = yield* make
      assert.isDefined(link.lanesKnown())
      yield* says({ _tag: "LaneOpen", lanes: [{ lane: 1, name: "red", window: 4_096 }], last: true })
      assert.isUndefined(link.lanesKnown())
      assert.strictEqual(link.lane("red")?.name, "red")
    }),
  )

  it.effect("ends if the peer never answers LaneClose", () =>
    Effect.gen(function* () {
      const { ends, link, pass } = yield* make
      for (let i = 0; i <= maxLanes; i++) {
        link.openLanes([{ name: "red" }])
        link.closeLane("red")
      }
      yield* pass(1_000)
      assert.deepStrictEqual(ends(), ["Slow"])
    }),
  )
})
