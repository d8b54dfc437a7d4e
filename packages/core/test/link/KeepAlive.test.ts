import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { stallMillis } from "../../src/internal/time.ts"
import type { LinkEnd } from "../../src/link/LinkEnd.ts"
import { KeepAlive, type Timing } from "../../src/link/KeepAlive.ts"
import * as LinkTimer from "../../src/link/LinkTimer.ts"
import type { Ping, Pong } from "../../src/protocol/Frame.ts"
import { settle, testNow } from "./support.ts"

const heartbeat = 1_000
const idleHeartbeat = 15_000
const linkTimeout = 3_000

const make = (
  drives: boolean,
  timing: Timing = { heartbeat, idleHeartbeat, linkTimeout },
  peerLinkTimeout = linkTimeout,
) =>
  Effect.gen(function* () {
    const clock = yield* testNow
    // A stall moves the clock of the link ahead of the timers.
    const peer = {
      isSlow: false,
      isWatched: true,
      isAwaited: false,
      bytesUsed: 0,
      leavingSince: undefined as number | undefined,
      effectiveLinkTimeout: timing.linkTimeout,
      stalled: 0,
      lastWritten: clock(),
    }
    const sent: Array<Ping | Pong> = []
    const excused: Array<number> = []
    const now = () => clock() + peer.stalled
    const timer = yield* LinkTimer.make({ heartbeat: timing.heartbeat, now })
    const keepAlive = new KeepAlive({
      timer,
      timing,
      peerLinkTimeout,
      drives,
      readTimeout: linkTimeout,
      host: {
        effectiveLinkTimeout: () => peer.effectiveLinkTimeout,
        viewHash: () => 5n,
        isWatched: () => peer.isWatched,
        isAwaited: () => peer.isAwaited,
        bytesUsed: () => peer.bytesUsed,
        send: (frame) => sent.push(frame),
        lastWritten: () => peer.lastWritten,
        excuseWrite: (late) => excused.push(late),
        isSlow: () => peer.isSlow,
        leavingSince: () => peer.leavingSince,
        onRoundTrip: () => undefined,
      },
    })
    const running = yield* Effect.forkChild(keepAlive.run())
    yield* settle
    const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
    const end = (): LinkEnd["_tag"] | undefined => {
      const exit = running.pollUnsafe()
      return exit?._tag === "Success" ? exit.value._tag : undefined
    }
    return { end, excused, keepAlive, now, pass, peer, running, sent, timer }
  })

describe("the timer of a link", () => {
  it.effect("sends the Pings of a link in one tick, after further Pings and after a stall of this process", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, peer, sent } = yield* make(true)
      const start = now()
      const pings: Array<number> = []
      const passTo = (millis: number) =>
        Effect.gen(function* () {
          while (now() - start < millis) {
            const before = sent.length
            yield* pass(10)
            keepAlive.heard(now())
            if (sent.length > before) pings.push(now() - start)
          }
        })
      yield* passTo(1_300)
      keepAlive.ping()
      yield* passTo(2_990)
      // The timer is late for the Pings at 3, 4 and 5 seconds.
      peer.stalled = 2_500
      yield* passTo(7_000)
      assert.deepStrictEqual(pings, [1_000, 2_000, 5_500, 6_000, 7_000])
    }),
  )

  it.effect("does not run the fiber that waits for the end of the link within a visit", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass } = yield* make(true)
      assert.isUndefined(keepAlive.visit(now() + linkTimeout))
      assert.isUndefined(end())
      yield* pass(0)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("ends a link for a time after its last bytes were written, although the peer continues to send", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass } = yield* make(true)
      yield* pass(500)
      keepAlive.noteWritten()
      for (let i = 0; i < 2; i++) {
        yield* pass(linkTimeout / 2 - 1)
        keepAlive.heard(now())
      }
      assert.isUndefined(end())
      yield* pass(2)
      assert.strictEqual(end(), "Closed")
    }),
  )

  it.effect("ends a link at once that ended before it ran", () =>
    Effect.gen(function* () {
      const { keepAlive, running } = yield* make(true)
      yield* Fiber.interrupt(running)
      keepAlive.end(Effect.succeed({ _tag: "Closed" }))
      keepAlive.end(Effect.succeed({ _tag: "Silent" }))
      assert.strictEqual((yield* keepAlive.run())._tag, "Closed")
    }),
  )

  it.effect("does nothing once the link has ended", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, running, sent } = yield* make(true)
      yield* Fiber.interrupt(running)
      assert.isUndefined(keepAlive.visit(now() + heartbeat))
      yield* pass(heartbeat)
      assert.deepStrictEqual(sent, [])
    }),
  )

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

  it.effect("sends no Ping on the other side while the Pongs of that side follow the heartbeat", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, peer, sent } = yield* make(false)
      for (let i = 0; i < 10; i++) {
        // The peer's Ping is late by at most a fifth of a heartbeat.
        yield* pass(i % 2 === 0 ? 1.2 * heartbeat : heartbeat)
        keepAlive.heard(now())
        peer.lastWritten = now()
      }
      assert.deepStrictEqual(sent, [])
    }),
  )

  it.effect("sends a Ping on the other side after a heartbeat and a quarter without a write", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, sent } = yield* make(false)
      // The link hears the peer all the time: the peer's Ping waits behind a large message.
      for (let i = 0; i < 5; i++) {
        yield* pass(heartbeat / 4)
        keepAlive.heard(now())
        assert.strictEqual(sent.length, i === 4 ? 1 : 0)
      }
      yield* pass(heartbeat)
      assert.strictEqual(sent.length, 1)
    }),
  )

  it.effect(
    "sends a Ping on the other side after a heartbeat and a quarter without bytes, although that side writes",
    () =>
      Effect.gen(function* () {
        const { end, keepAlive, now, pass, peer, sent } = yield* make(false)
        keepAlive.heard(now())
        for (let i = 1; i <= 5; i++) {
          yield* pass(heartbeat / 4)
          peer.lastWritten = now()
          assert.strictEqual(sent.length, i === 5 ? 1 : 0)
        }
        yield* pass(linkTimeout - 1.25 * heartbeat)
        assert.strictEqual(end(), "Silent")
      }),
  )

  it.effect("sends a Ping in each third of the peer's link timeout, if that is shorter than the heartbeat", () =>
    Effect.gen(function* () {
      for (const [drives, interval] of [
        [true, 100],
        [false, 125],
      ] as const) {
        const { keepAlive, now, pass, sent } = yield* make(drives, undefined, 300)
        for (let i = 0; i < 3; i++) {
          yield* pass(interval - 1)
          assert.strictEqual(sent.length, i)
          yield* pass(1)
          keepAlive.heard(now())
          assert.strictEqual(sent.length, i + 1)
        }
      }
    }),
  )

  it.effect("answers a Ping with its number", () =>
    Effect.gen(function* () {
      const { keepAlive, sent } = yield* make(false)
      keepAlive.answer({ _tag: "Ping", seq: 9, viewHash: 1n, lag: 3 })
      assert.deepStrictEqual(sent, [{ _tag: "Pong", seq: 9, viewHash: 5n, lag: 0 }])
    }),
  )

  it.effect("ends a link that is silent for the tolerated time, counted from the last bytes", () =>
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

  it.effect("tolerates more silence while this node distrusts its own timing", () =>
    Effect.gen(function* () {
      const { end, pass, peer } = yield* make(true)
      peer.effectiveLinkTimeout = 2 * linkTimeout
      yield* pass(2 * linkTimeout - 1)
      assert.isUndefined(end())
      yield* pass(1)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("does not count a stall of this process as silence, and reports its length to the peer", () =>
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

  it.effect("does not measure a round trip over a stall of this process", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, peer } = yield* make(true)
      yield* pass(heartbeat)
      keepAlive.heard(now())
      peer.stalled = 500
      yield* pass(heartbeat)
      keepAlive.roundTrip.received(0, now())
      assert.isUndefined(keepAlive.roundTrip.value)
      yield* pass(40)
      keepAlive.roundTrip.received(1, now())
      assert.strictEqual(keepAlive.roundTrip.value, 40)
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

  it.effect("ends a link whose peer does not drain within a second, however long the heartbeat is", () =>
    Effect.gen(function* () {
      const { end, pass, peer } = yield* make(true, { heartbeat: 60_000, idleHeartbeat: 60_000, linkTimeout: 180_000 })
      yield* pass(10_000)
      peer.isSlow = true
      yield* pass(1_000)
      assert.strictEqual(end(), "Slow")
    }),
  )

  it.effect("ends a link whose peer keeps it for ten seconds after its Leave", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass, peer } = yield* make(true)
      peer.leavingSince = now()
      for (let second = 1; second < 10; second++) {
        yield* pass(1_000)
        keepAlive.heard(now())
        assert.isUndefined(end())
      }
      yield* pass(1_001)
      assert.strictEqual(end(), "Overstayed")
    }),
  )
})

describe("a link of a node that stops", () => {
  it.effect("ends a second later, or after half of the link timeout since the last bytes, whichever is later", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        for (const [heardAgo, remaining] of [
          [0, 1_500],
          [200, 1_300],
          [500, 1_000],
          [1_900, 1_000],
          // The link timeout counts as before.
          [2_900, 100],
        ] as const) {
          const { end, keepAlive, now, pass } = yield* make(drives)
          yield* pass(730)
          keepAlive.heard(now())
          yield* pass(heardAgo)
          keepAlive.part()
          yield* pass(remaining - 1)
          assert.isUndefined(end())
          yield* pass(1)
          assert.strictEqual(end(), "Silent", `heard ${heardAgo} ms ago`)
        }
      }
    }),
  )

  it.effect("has one Ping at once, and its answer extends the time", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass, sent } = yield* make(true)
      yield* pass(730)
      keepAlive.part()
      keepAlive.part()
      assert.strictEqual(sent.length, 1)
      yield* pass(700)
      keepAlive.heard(now())
      yield* pass(1_499)
      assert.isUndefined(end())
      yield* pass(1)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("does not count a stall of this process", () =>
    Effect.gen(function* () {
      const { end, keepAlive, pass, peer } = yield* make(true)
      yield* pass(750)
      keepAlive.part()
      yield* pass(150)
      peer.stalled = 5_000
      yield* pass(840)
      assert.isUndefined(end())
      yield* pass(100)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("ends at once when it runs, if that began later", () =>
    Effect.gen(function* () {
      const { keepAlive, pass, running } = yield* make(true)
      yield* Fiber.interrupt(running)
      keepAlive.part()
      yield* pass(1_500)
      const again = yield* Effect.forkChild(keepAlive.run())
      yield* settle
      yield* pass(1)
      assert.strictEqual((yield* Fiber.join(again))._tag, "Silent")
    }),
  )
})

describe("an idle link", () => {
  /** Makes a link that nobody watches, and passes the time until it is idle, with a peer that answers every Ping. */
  const makeIdle = (drives: boolean) =>
    Effect.gen(function* () {
      const link = yield* make(drives)
      const { keepAlive, now, pass, peer, sent } = link
      peer.isWatched = false
      const start = now()
      /** Lets a peer answer for some time. Returns the times of the Pings. */
      const answered = (millis: number) =>
        Effect.gen(function* () {
          const end = now() + millis
          const pings: Array<number> = []
          while (now() < end) {
            const before = sent.length
            yield* pass(50)
            if (sent.length === before) continue
            pings.push(now() - start)
            keepAlive.heard(now())
          }
          return pings
        })
      yield* answered(idleHeartbeat + heartbeat)
      sent.length = 0
      return { ...link, answered, start }
    })

  it.effect("has a Ping in each idle interval, and stays up", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { answered, end } = yield* makeIdle(drives)
        const pings = yield* answered(5 * idleHeartbeat)
        assert.isUndefined(end())
        const pauses = pings.slice(1).map((at, i) => at - (pings[i] ?? 0))
        const expected = drives ? idleHeartbeat : 1.25 * idleHeartbeat
        for (const pause of pauses) assert.closeTo(pause, expected, heartbeat, JSON.stringify(pings))
        assert.isAtLeast(pauses.length, 2)
      }
    }),
  )

  it.effect("ends a link timeout after the interval before a Ping without an answer, and not before", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { end, keepAlive, now, pass, sent } = yield* makeIdle(drives)
        keepAlive.heard(now())
        while (sent.length === 0) {
          yield* pass(50)
          assert.isUndefined(end())
        }
        yield* pass(linkTimeout - heartbeat - 100)
        assert.isUndefined(end())
        yield* pass(100)
        assert.strictEqual(end(), "Silent")
      }
    }),
  )

  it.effect("has a Ping and ends without an answer, although this side writes gossip", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { end, keepAlive, now, pass, peer, sent } = yield* makeIdle(drives)
        keepAlive.heard(now())
        const start = now()
        while (sent.length === 0 && now() - start < 2 * idleHeartbeat) {
          yield* pass(heartbeat / 2)
          peer.lastWritten = now()
        }
        assert.isAtMost(now() - start, 1.25 * idleHeartbeat + heartbeat)
        yield* pass(linkTimeout - heartbeat)
        assert.strictEqual(end(), "Silent")
      }
    }),
  )

  it.effect("has a Ping at once when this side uses it, and ends like that without an answer", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { end, keepAlive, now, pass, peer, sent } = yield* makeIdle(drives)
        keepAlive.heard(now())
        sent.length = 0
        yield* pass(2 * heartbeat)
        assert.strictEqual(sent.length, 0)
        peer.lastWritten = now()
        keepAlive.used(now())
        assert.strictEqual(sent.length, 1)
        yield* pass(linkTimeout - heartbeat - 1)
        assert.isUndefined(end())
        yield* pass(1)
        assert.strictEqual(end(), "Silent")
      }
    }),
  )

  it.effect("has a Ping at once when this node stops, and ends a second later without an answer", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { end, keepAlive, now, pass, sent } = yield* makeIdle(drives)
        keepAlive.heard(now())
        sent.length = 0
        yield* pass(5 * heartbeat)
        assert.strictEqual(sent.length, 0)
        keepAlive.part()
        assert.strictEqual(sent.length, 1)
        yield* pass(999)
        assert.isUndefined(end())
        yield* pass(1)
        assert.strictEqual(end(), "Silent")
      }
    }),
  )

  it.effect("has one Ping when this side uses it, also if it has just heard the peer", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { keepAlive, now, sent } = yield* makeIdle(drives)
        keepAlive.heard(now())
        sent.length = 0
        keepAlive.used(now())
        keepAlive.used(now())
        assert.strictEqual(sent.length, 1)
      }
    }),
  )

  it.effect("has no further Ping when this side uses it while a Ping has no answer", () =>
    Effect.gen(function* () {
      const { keepAlive, now, sent } = yield* makeIdle(true)
      keepAlive.heard(now())
      sent.length = 0
      keepAlive.ping()
      keepAlive.used(now())
      assert.strictEqual(sent.length, 1)
    }),
  )

  it.effect("has a Ping as soon as messages arrive, if this side has written nothing for an interval", () =>
    Effect.gen(function* () {
      for (const [writtenAgo, pings] of [
        [2 * heartbeat, 1],
        [0, 0],
      ] as const) {
        const { keepAlive, now, pass, peer, sent } = yield* makeIdle(true)
        keepAlive.heard(now())
        sent.length = 0
        yield* pass(5 * heartbeat)
        peer.lastWritten = now() - writtenAgo
        peer.bytesUsed++
        keepAlive.heard(now())
        keepAlive.visit(now())
        assert.strictEqual(sent.length, pings)
      }
    }),
  )

  it.effect("has a Ping when another link of the node ends for silence, at most one in an interval", () =>
    Effect.gen(function* () {
      for (const drives of [true, false]) {
        const { end, keepAlive, now, pass, peer, sent, timer } = yield* makeIdle(drives)
        keepAlive.heard(now())
        sent.length = 0
        yield* pass(2 * heartbeat)
        for (let i = 0; i < 4 * heartbeat; i += 100) {
          const before = sent.length
          timer.noteSilence(now())
          yield* pass(100)
          if (sent.length > before) keepAlive.heard(now())
          if (i === 0) assert.strictEqual(sent.length, 1)
        }
        assert.strictEqual(sent.length, 4)
        assert.strictEqual(keepAlive.currentInterval, idleHeartbeat)
        yield* pass(heartbeat)
        timer.noteSilence(now())
        // This node distrusts itself after the Ping.
        yield* pass(2)
        peer.effectiveLinkTimeout = 8 * linkTimeout
        yield* pass(linkTimeout - heartbeat)
        assert.strictEqual(end(), "Silent")
      }
    }),
  )

  it.effect("of a node whose link ended for silence gives all other idle links a Ping", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass, timer } = yield* makeIdle(true)
      keepAlive.used(now())
      yield* pass(linkTimeout)
      assert.strictEqual(end(), "Silent")
      assert.isAbove(timer.lastSilence, now() - linkTimeout)
    }),
  )

  it.effect("is no longer idle once it is watched, a sender waits, or messages arrive", () =>
    Effect.gen(function* () {
      for (const change of [{ isWatched: true }, { isAwaited: true }, { bytesUsed: 1 }]) {
        const { answered, keepAlive, peer } = yield* makeIdle(true)
        assert.strictEqual(keepAlive.currentInterval, idleHeartbeat)
        Object.assign(peer, change)
        const pings = yield* answered(4 * heartbeat)
        assert.isAtLeast(pings.length, 3, JSON.stringify(change))
        assert.strictEqual(keepAlive.currentInterval, heartbeat)
      }
    }),
  )

  it.effect("that becomes idle while the peer owes an answer ends a link timeout after the peer's last bytes", () =>
    Effect.gen(function* () {
      const { end, keepAlive, now, pass, peer } = yield* make(true, { heartbeat, idleHeartbeat, linkTimeout: 6_000 })
      peer.isWatched = false
      while (keepAlive.currentInterval === heartbeat) {
        yield* pass(100)
        // Two Pings before the link is idle have no answer.
        if (keepAlive.silentFor(now()) < 2 * heartbeat && now() < idleHeartbeat - 2 * heartbeat) keepAlive.heard(now())
      }
      const silent = keepAlive.silentFor(now())
      assert.isAtLeast(silent, 2 * heartbeat)
      yield* pass(6_000 - silent - 100)
      assert.isUndefined(end())
      yield* pass(100)
      assert.strictEqual(end(), "Silent")
    }),
  )

  it.effect("that is used again has Pings in each interval, however short that is", () =>
    Effect.gen(function* () {
      const { keepAlive, now, pass, peer, sent } = yield* make(false, timing(100, 300))
      peer.isWatched = false
      while (keepAlive.currentInterval === 100) {
        yield* pass(50)
        keepAlive.heard(now())
      }
      keepAlive.used(now())
      sent.length = 0
      for (let step = 0; step < 10; step++) {
        yield* pass(50)
        keepAlive.heard(now())
      }
      assert.strictEqual(sent.length, 4)
    }),
  )

  it.effect("spreads the Pings of links that become idle together", () =>
    Effect.gen(function* () {
      const clock = yield* testNow
      const timer = yield* LinkTimer.make({ heartbeat, now: clock })
      const perSecond = new Map<number, number>()
      const start = clock()
      const links: Array<KeepAlive> = []
      for (let i = 0; i < 150; i++) {
        const link: KeepAlive = new KeepAlive({
          timer,
          timing: { heartbeat, idleHeartbeat, linkTimeout },
          peerLinkTimeout: linkTimeout,
          drives: true,
          readTimeout: linkTimeout,
          host: {
            effectiveLinkTimeout: () => linkTimeout,
            viewHash: () => 0n,
            isWatched: () => false,
            isAwaited: () => false,
            bytesUsed: () => 0,
            send: () => {
              const second = Math.floor((clock() - start) / 1_000)
              perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
              link.heard(clock())
            },
            lastWritten: clock,
            excuseWrite: () => {},
            isSlow: () => false,
            leavingSince: () => undefined,
            onRoundTrip: () => undefined,
          },
        })
        links.push(link)
      }
      const running = yield* Effect.forEach(links, (link) => Effect.forkChild(link.run()))
      yield* settle
      for (let second = 0; second < 62; second++) yield* Effect.andThen(TestClock.adjust(1_000), settle)
      yield* Fiber.interruptAll(running)
      // Ten links share each second of the idle interval.
      for (let second = 32; second < 62; second++) {
        assert.isAtMost(perSecond.get(second) ?? 0, 20, `second ${second}`)
      }
    }),
  )
})

const timing = (beat: number, timeout: number, idleBeats = 15): Timing => ({
  heartbeat: beat,
  idleHeartbeat: idleBeats * beat,
  linkTimeout: timeout,
})

/** Timings of policies, including the extremes that `checkPolicies` allows. */
const timings: ReadonlyArray<Timing> = [
  timing(1, 100),
  timing(50, 100),
  timing(100, 300),
  timing(100, 10_000, 1),
  timing(1_000, 2_000),
  timing(1_000, 3_000, 4),
  timing(3_000, 9_000),
  timing(0x7fff_ffff, 0xffff_ffff, 1),
]

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const arbitraryTiming = Arbitrary.flatMap(integer(50, 5_000), (beat) =>
  Arbitrary.flatMap(integer(2, 10), (beats) =>
    Arbitrary.map(integer(1, 15), (idleBeats) => timing(beat, beats * beat, idleBeats)),
  ),
)

const arbitraryUses = Arbitrary.map(
  Arbitrary.schema(
    Schema.Array(
      Schema.Struct({
        side: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
        per10000: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })),
      }),
    ).check(Schema.isMaxLength(6)),
  ),
  (uses) => uses.map(({ per10000, side }): Use => ({ side, after: per10000 / 10_000 })),
)

/** Message of one side, after a part of the duration of a run. */
interface Use {
  readonly side: number
  readonly after: number
}

/**
 * Connects the timers of two sides by a lossless wire. Returns how each side ended within the time. The sides may
 * disagree about whether they watch each other, because their views differ for a while.
 */
const joined = (
  sides: readonly [Timing, Timing],
  options: {
    readonly roundTrip: number
    readonly busy: boolean
    readonly millis: number
    readonly watched: readonly [boolean, boolean]
    readonly uses: ReadonlyArray<Use>
    /** Time between two frames with gossip of each side; infinity for none. */
    readonly gossip: readonly [number, number]
    /** Side that stops after half of the time. */
    readonly parting?: number | undefined
  },
) =>
  Effect.gen(function* () {
    const now = yield* testNow
    const { busy, gossip, millis, parting = -1, roundTrip, uses, watched } = options
    const received = [0, 0]
    const ends: Array<string> = []
    const written = sides.map(() => now())
    const timers: Array<KeepAlive> = []
    const run = yield* Effect.context<never>()
    for (const [i, timing] of sides.entries()) {
      const arrive = (frame: Ping | Pong) =>
        Effect.sync(() => {
          const other = timers[1 - i]
          other?.heard(now())
          if (frame._tag === "Ping") other?.answer(frame)
        })
      timers.push(
        new KeepAlive({
          timer: yield* LinkTimer.make({ heartbeat: timing.heartbeat, now }),
          timing,
          peerLinkTimeout: sides[1 - i]?.linkTimeout ?? timing.linkTimeout,
          drives: i === 0,
          readTimeout: timing.linkTimeout,
          host: {
            effectiveLinkTimeout: () => timing.linkTimeout,
            viewHash: () => 0n,
            isWatched: () => watched[i] ?? true,
            isAwaited: () => false,
            bytesUsed: () => received[i] ?? 0,
            lastWritten: () => (busy ? now() : (written[i] ?? 0)),
            send: (frame) => {
              written[i] = now()
              Effect.runForkWith(run)(Effect.andThen(Effect.sleep(roundTrip / 2), arrive(frame)))
            },
            excuseWrite: () => {},
            isSlow: () => false,
            leavingSince: () => undefined,
            onRoundTrip: () => undefined,
          },
        }),
      )
    }
    const running = yield* Effect.forEach(timers, (timer) =>
      Effect.forkChild(Effect.map(timer.run(), ({ _tag }) => void ends.push(_tag))),
    )
    yield* settle
    const gossiping = yield* Effect.forEach(gossip, (pause, side) =>
      Effect.forkChild(
        Effect.gen(function* () {
          while (pause < millis) {
            yield* Effect.sleep(pause)
            written[side] = now()
            const arrive = Effect.sync(() => timers[1 - side]?.heard(now()))
            yield* Effect.forkChild(Effect.andThen(Effect.sleep(roundTrip / 2), arrive))
          }
        }),
      ),
    )
    const using = yield* Effect.forEach(uses, ({ after, side }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(after * millis)
        written[side] = now()
        timers[side]?.used(now())
        yield* Effect.sleep(roundTrip / 2)
        received[1 - side] = (received[1 - side] ?? 0) + 1
        timers[1 - side]?.heard(now())
      }).pipe(Effect.forkChild),
    )
    yield* TestClock.adjust(millis / 2)
    timers[parting]?.part()
    yield* TestClock.adjust(millis / 2)
    yield* settle
    yield* Fiber.interruptAll([...running, ...using, ...gossiping])
    return ends
  })

describe("the timers of the two sides of a link", () => {
  // The side with the shorter timeout is at risk of silence.
  const check = (
    sides: readonly [Timing, Timing],
    busy: boolean,
    watched: readonly [boolean, boolean] = [true, true],
    uses: ReadonlyArray<Use> = [],
    gossips: readonly [boolean, boolean] = [false, false],
    parting?: number,
  ) =>
    Effect.gen(function* () {
      const shorter = Math.min(...sides.map(({ linkTimeout }) => linkTimeout))
      const idle = Math.min(...sides.map(({ idleHeartbeat }) => idleHeartbeat))
      // Long enough for both sides to become idle and to send some Pings then.
      const millis = watched.includes(false) ? 6 * shorter + Math.min(5 * idle, 200 * shorter) : 6 * shorter
      const pauseOf = (isGossiping: boolean) => (isGossiping ? shorter / 3 : Number.POSITIVE_INFINITY)
      const gossip = [pauseOf(gossips[0]), pauseOf(gossips[1])] as const
      const ends = yield* joined(sides, { roundTrip: shorter / 4, busy, millis, watched, uses, gossip, parting })
      assert.deepStrictEqual(ends, [], JSON.stringify({ sides, watched, uses, gossips, parting }))
    })

  it.effect("prevent silence for every pair of policies", () =>
    Effect.gen(function* () {
      for (const first of timings) {
        for (const second of timings) {
          if (Math.min(first.linkTimeout, second.linkTimeout) > 1_000_000) continue
          yield* check([first, second], false)
          yield* check([first, second], true)
        }
      }
    }),
  )

  it.effect.prop(
    "prevent silence for arbitrary policies while one side stops",
    [arbitraryTiming, arbitraryTiming, integer(0, 1)],
    ([first, second, parting]) => check([first, second], false, [true, true], [], [false, false], parting),
  )

  it.effect.prop(
    "prevent silence for arbitrary policies",
    [arbitraryTiming, arbitraryTiming, integer(0, 1)],
    ([first, second, busy]) => check([first, second], busy === 1),
  )

  it.effect.prop(
    "prevent silence on links that nobody watches, or that one side watches, whoever uses them",
    [arbitraryTiming, arbitraryTiming, integer(0, 2), arbitraryUses, integer(0, 3)],
    ([first, second, watching, uses, gossip]) =>
      check([first, second], false, [watching === 1, watching === 2], uses, [gossip % 2 === 1, gossip >= 2]),
  )
})
