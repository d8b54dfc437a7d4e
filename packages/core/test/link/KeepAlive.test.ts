import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { stallMillis } from "../../src/internal/time.ts"
import type { LinkEnd } from "../../src/link/LinkEnd.ts"
import { KeepAlive } from "../../src/link/KeepAlive.ts"
import type { Ping, Pong } from "../../src/protocol/Frame.ts"
import { settle, testNow } from "./support.ts"

const heartbeat = 1_000
const linkTimeout = 3_000

const make = (drives: boolean) =>
  Effect.gen(function* () {
    const clock = yield* testNow
    // A stall: the clock of the link is ahead of the timers by so much.
    const peer = {
      isSlow: false,
      leavingSince: undefined as number | undefined,
      effectiveLinkTimeout: linkTimeout,
      stalled: 0,
    }
    const sent: Array<Ping | Pong> = []
    const excused: Array<number> = []
    const now = () => clock() + peer.stalled
    const keepAlive = new KeepAlive({
      timing: { heartbeat, linkTimeout },
      limits: { drainTimeout: 2_000 },
      drives,
      now,
      effectiveLinkTimeout: () => peer.effectiveLinkTimeout,
      viewHash: () => 5n,
      send: (frame) => sent.push(frame),
      excuseWrite: (late) => excused.push(late),
      isSlow: () => peer.isSlow,
      leavingSince: () => peer.leavingSince,
    })
    const running = yield* Effect.forkChild(keepAlive.run())
    yield* settle
    const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
    const end = (): LinkEnd["_tag"] | undefined => {
      const exit = running.pollUnsafe()
      return exit?._tag === "Success" ? exit.value._tag : undefined
    }
    return { end, excused, keepAlive, now, pass, peer, sent }
  })

describe("the timer of a link", () => {
  it.effect("sends a numbered Ping with each heartbeat, on the side that drives", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, sent } = yield* make(true)
      for (let i = 0; i < 3; i++) {
        yield* pass(heartbeat)
        keepAlive.heard(now())
      }
      assert.deepStrictEqual(
        sent,
        [0, 1, 2].map((seq) => ({ _tag: "Ping", seq, viewHash: 5n, lag: 0 })),
      )
    }),
  )

  it.effect("sends a Ping on the other side only when the peer was silent for half the timeout", () =>
    Effect.gen(function* () {
      const { pass, sent } = yield* make(false)
      yield* pass(heartbeat)
      assert.deepStrictEqual(sent, [])
      yield* pass(heartbeat)
      assert.strictEqual(sent.length, 1)
    }),
  )

  it.effect("answers a Ping with its number", () =>
    Effect.gen(function* () {
      const { keepAlive, sent } = yield* make(false)
      keepAlive.answer({ _tag: "Ping", seq: 9, viewHash: 1n, lag: 3 })
      assert.deepStrictEqual(sent, [{ _tag: "Pong", seq: 9, viewHash: 5n, lag: 0 }])
    }),
  )

  it.effect("ends a link that is silent for as long as this node tolerates, counted from the last bytes", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass } = yield* make(true)
      yield* pass(linkTimeout - 1)
      assert.isUndefined(end())
      keepAlive.heard(now())
      yield* pass(linkTimeout - 1)
      assert.isUndefined(end())
      yield* pass(1)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("tolerates more silence while this node distrusts itself", () =>
    Effect.gen(function* () {
      const { end, pass, peer } = yield* make(true)
      peer.effectiveLinkTimeout = 2 * linkTimeout
      yield* pass(2 * linkTimeout - 1)
      assert.isUndefined(end())
      yield* pass(1)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("does not count a stall of this process as silence, and says its length to the peer", () =>
    Effect.gen(function* () {
      const { end, excused, keepAlive, pass, peer, sent } = yield* make(true)
      peer.stalled = 10_000
      yield* pass(heartbeat)
      assert.isUndefined(end())
      assert.deepStrictEqual(excused, [10_000])
      assert.strictEqual(keepAlive.lag(), 10_000)
      assert.strictEqual(sent[0]?.lag, 10_000)
      yield* pass(linkTimeout - heartbeat)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("counts a timer that is a little late as silence", () =>
    Effect.gen(function* () {
      const { end, excused, pass, peer } = yield* make(true)
      peer.stalled = stallMillis
      yield* pass(heartbeat)
      yield* pass(linkTimeout - heartbeat - stallMillis)
      assert.strictEqual(end(), "Silent")
      assert.deepStrictEqual(excused, [])
    }),
  )

  it.effect("ends a link whose peer does not drain, with the next timer", () =>
    Effect.gen(function* () {
      const { end, pass, peer } = yield* make(true)
      peer.isSlow = true
      yield* pass(heartbeat)
      assert.strictEqual(end(), "Slow")
    }),
  )

  it.effect("ends a link whose peer said that it leaves and stays for the drain timeout", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass, peer } = yield* make(true)
      peer.leavingSince = now()
      yield* pass(1_999)
      keepAlive.heard(now())
      assert.isUndefined(end())
      yield* pass(1_001)
      assert.strictEqual(end(), "Overstayed")
    }),
  )
})
