import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { stallMillis } from "../../src/internal/time.ts"
import * as LinkTimer from "../../src/link/LinkTimer.ts"
import { settle, testNow } from "./support.ts"

const heartbeat = 1_000
const tick = heartbeat / 10

const make = Effect.gen(function* () {
  const clock = yield* testNow
  const stall = { millis: 0 }
  const now = () => clock() + stall.millis
  const timer = yield* LinkTimer.make({ heartbeat, now })
  const log: Array<string> = []
  /** Adds a link that is due after each of these pauses, and then ends. */
  const add = (name: string, ...pauses: ReadonlyArray<number>): LinkTimer.TimedLink => {
    const left = [...pauses]
    let due = 0
    const next = (at: number): number | undefined => {
      const pause = left.shift()
      if (pause === undefined) return undefined
      due = at + pause
      return due
    }
    const link: LinkTimer.TimedLink = {
      visit: (at) => {
        if (at < due) return due
        log.push(`${name} at ${at}`)
        return next(at)
      },
      excuseStall: (late) => void log.push(`${name} excuses ${late}`),
      fail: (defect) => void log.push(`${name} fails: ${String(defect)}`),
    }
    timer.add(link, next(now()) ?? now())
    return link
  }
  const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
  return { add, log, now, pass, stall, timer }
})

describe("the timer of the links of a node", () => {
  it.effect("visits each link when it is due", () =>
    Effect.gen(function* () {
      const { add, log, pass } = yield* make
      add("a", 250, 10, 1_000)
      add("b", 120)
      for (let i = 0; i < 200; i++) yield* pass(10)
      assert.deepStrictEqual(log, ["b at 120", "a at 250", "a at 260", "a at 1260"])
    }),
  )

  it.effect("wakes up for a link that is due before all others", () =>
    Effect.gen(function* () {
      const { add, log, pass } = yield* make
      add("a", 5_000)
      yield* settle
      add("b", 300)
      yield* pass(300)
      assert.deepStrictEqual(log, ["b at 300"])
      yield* pass(4_700)
      assert.deepStrictEqual(log, ["b at 300", "a at 5000"])
    }),
  )

  it.effect("does not visit a link that was removed, and visits a link that is added after all others ended", () =>
    Effect.gen(function* () {
      const { add, log, pass, timer } = yield* make
      timer.remove(add("a", 300))
      yield* pass(1_000)
      add("b", 300)
      yield* pass(300)
      assert.deepStrictEqual(log, ["b at 1300"])
    }),
  )

  it.effect("lets sixteen links share a tick, and spreads the others over the ticks of an interval", () =>
    Effect.gen(function* () {
      const { now, timer } = yield* make
      const counts = new Map<number, number>()
      for (let i = 0; i < 200; i++) {
        const first = timer.firstPing(timer.takePlace(), now(), heartbeat)
        assert.strictEqual(first % tick, 0)
        assert.isAbove(first, now())
        assert.isAtMost(first, now() + heartbeat)
        counts.set(first, (counts.get(first) ?? 0) + 1)
        if (i < 16) assert.strictEqual(first, now() + heartbeat)
      }
      assert.strictEqual(counts.size, 10)
      for (const count of counts.values()) assert.isAtMost(count, 32)
    }),
  )

  it.effect("begins with a Ping within the interval, even if that is shorter than a tick", () =>
    Effect.gen(function* () {
      const { now, pass, timer } = yield* make
      yield* pass(50)
      assert.strictEqual(timer.firstPing(0, now(), 30), now() + 30)
    }),
  )

  it.effect("excuses a stall of this process at all links, also at those that are not due, and before visits", () =>
    Effect.gen(function* () {
      const { add, log, pass, stall, timer } = yield* make
      add("a", 100)
      add("b", 60_000)
      yield* settle
      stall.millis = stallMillis + 1
      yield* pass(100)
      assert.deepStrictEqual(log, ["a excuses 251", "b excuses 251", "a at 351"])
      assert.strictEqual(timer.lag, 251)
    }),
  )

  it.effect("excuses a stall of this process between the visits of one tick", () =>
    Effect.gen(function* () {
      const { add, log, pass, stall, timer } = yield* make
      add("a", 100, 60_000)
      timer.add(
        {
          visit: () => {
            stall.millis = stallMillis + 1
            return undefined
          },
          excuseStall: () => undefined,
          fail: () => undefined,
        },
        100,
      )
      add("b", 100, 60_000)
      yield* settle
      yield* pass(100)
      assert.deepStrictEqual(log, ["a at 100", "b at 100", "a excuses 251", "b excuses 251"])
      assert.strictEqual(timer.lag, 251)
    }),
  )

  it.effect("visits all links at once after one has ended for silence, and knows the time", () =>
    Effect.gen(function* () {
      const { log, pass, timer } = yield* make
      const add = (name: string, due: number, visit: (at: number) => number | undefined) =>
        timer.add(
          {
            visit: (at) => {
              log.push(`${name} at ${at}`)
              return visit(at)
            },
            excuseStall: () => undefined,
            fail: () => undefined,
          },
          due,
        )
      add("a", 100, () => 60_000)
      add("b", 60_000, () => 60_000)
      for (const name of ["c", "d"]) {
        add(name, 100, (at) => {
          timer.noteSilence(at)
          return undefined
        })
      }
      yield* settle
      assert.strictEqual(timer.lastSilence, Number.NEGATIVE_INFINITY)
      yield* pass(100)
      yield* pass(1)
      assert.deepStrictEqual(log, ["a at 100", "c at 100", "d at 100", "b at 101", "a at 101"])
      assert.strictEqual(timer.lastSilence, 100)
      yield* pass(10_000)
      assert.strictEqual(log.length, 5)
    }),
  )

  it.effect("measures a wake-up that is a little late, and excuses nothing", () =>
    Effect.gen(function* () {
      const { add, log, pass, stall, timer } = yield* make
      add("a", 100)
      yield* settle
      stall.millis = stallMillis
      yield* pass(100)
      assert.deepStrictEqual(log, ["a at 350"])
      assert.strictEqual(timer.lag, stallMillis)
    }),
  )

  it.effect("fails a link with its defect, and continues with the other links", () =>
    Effect.gen(function* () {
      const { add, log, pass, timer } = yield* make
      const broken: LinkTimer.TimedLink = {
        visit: () => assert.fail("broken"),
        excuseStall: () => assert.fail("broken"),
        fail: (defect) => void log.push(defect instanceof Error ? defect.message : ""),
      }
      timer.add(broken, 100)
      add("a", 100, 100)
      yield* pass(100)
      yield* pass(100)
      assert.deepStrictEqual(log, ["broken", "a at 100", "a at 200"])
    }),
  )
})
