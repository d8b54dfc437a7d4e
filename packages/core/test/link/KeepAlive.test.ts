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
const linkTimeout = 3_000

const make = (drives: boolean, timing: Timing = { heartbeat, linkTimeout }, peerLinkTimeout = linkTimeout) =>
  Effect.gen(function* () {
    const clock = yield* testNow
    // A stall moves the clock of the link ahead of the timers.
    const peer = {
      isSlow: false,
      leavingSince: undefined as number | undefined,
      effectiveLinkTimeout: timing.linkTimeout,
      stalled: 0,
      lastWritten: clock(),
    }
    const sent: Array<Ping | Pong> = []
    const excused: Array<number> = []
    const now = () => clock() + peer.stalled
    const keepAlive = new KeepAlive({
      timer: yield* LinkTimer.make({ heartbeat: timing.heartbeat, now }),
      timing,
      peerLinkTimeout,
      drives,
      readTimeout: linkTimeout,
      host: {
        effectiveLinkTimeout: () => peer.effectiveLinkTimeout,
        viewHash: () => 5n,
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
    return { end, excused, keepAlive, now, pass, peer, running, sent }
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
      const { end, pass, peer } = yield* make(true, { heartbeat: 60_000, linkTimeout: 180_000 })
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

/** Timings of policies, including the extremes that `checkPolicies` allows. */
const timings: ReadonlyArray<Timing> = [
  { heartbeat: 1, linkTimeout: 100 },
  { heartbeat: 50, linkTimeout: 100 },
  { heartbeat: 100, linkTimeout: 300 },
  { heartbeat: 100, linkTimeout: 10_000 },
  { heartbeat: 1_000, linkTimeout: 2_000 },
  { heartbeat: 1_000, linkTimeout: 3_000 },
  { heartbeat: 3_000, linkTimeout: 9_000 },
  { heartbeat: 0x7fff_ffff, linkTimeout: 0xffff_ffff },
]

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const arbitraryTiming = Arbitrary.flatMap(integer(50, 5_000), (beat) =>
  Arbitrary.map(integer(2, 10), (beats): Timing => ({ heartbeat: beat, linkTimeout: beats * beat })),
)

/** Connects the timers of two sides by a lossless wire. Returns how each side ended within the time. */
const joined = (
  sides: readonly [Timing, Timing],
  options: { readonly roundTrip: number; readonly busy: boolean; readonly millis: number },
) =>
  Effect.gen(function* () {
    const now = yield* testNow
    const { busy, millis, roundTrip } = options
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
    yield* TestClock.adjust(millis)
    yield* settle
    yield* Fiber.interruptAll(running)
    return ends
  })

describe("the timers of the two sides of a link", () => {
  // The side with the shorter timeout is at risk of silence.
  const check = (sides: readonly [Timing, Timing], busy: boolean) =>
    Effect.gen(function* () {
      const shorter = Math.min(...sides.map(({ linkTimeout }) => linkTimeout))
      const ends = yield* joined(sides, { roundTrip: shorter / 4, busy, millis: 6 * shorter })
      assert.deepStrictEqual(ends, [], JSON.stringify(sides))
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
    "prevent silence for arbitrary policies",
    [arbitraryTiming, arbitraryTiming, integer(0, 1)],
    ([first, second, busy]) => check([first, second], busy === 1),
  )
})
