import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { TimerWheel } from "../../src/internal/TimerWheel.ts"

const tick = 100

describe("a timer wheel", () => {
  it("returns the timers of a tick together, at the start of the tick", () => {
    const wheel = new TimerWheel<string>(tick, 1_000)
    wheel.add("b", 1_299)
    wheel.add("a", 1_200)
    wheel.add("c", 1_300)
    assert.strictEqual(wheel.next(), 1_200)
    assert.deepStrictEqual(wheel.advance(1_199), [])
    assert.deepStrictEqual(wheel.advance(1_200), ["b", "a"])
    assert.strictEqual(wheel.next(), 1_300)
    assert.strictEqual(wheel.size, 1)
  })

  it("returns a timer that is added for the current tick when it is due", () => {
    const wheel = new TimerWheel<string>(tick, 0)
    wheel.add("a", 250)
    assert.deepStrictEqual(wheel.advance(200), ["a"])
    wheel.add("a", 250)
    wheel.add("b", 240)
    assert.strictEqual(wheel.next(), 240)
    assert.deepStrictEqual(wheel.advance(249), ["b"])
    assert.deepStrictEqual(wheel.advance(250), ["a"])
    assert.strictEqual(wheel.next(), Number.POSITIVE_INFINITY)
  })

  it("returns a timer that is due already with the next advance", () => {
    const wheel = new TimerWheel<string>(tick, 0)
    wheel.advance(500)
    wheel.add("a", 20)
    assert.isAtMost(wheel.next(), 500)
    assert.deepStrictEqual(wheel.advance(500), ["a"])
  })

  it("moves a timer that is added again, and forgets a timer that is removed", () => {
    const wheel = new TimerWheel<string>(tick, 0)
    wheel.add("a", 200)
    wheel.add("a", 300)
    wheel.add("b", 200)
    wheel.delete("b")
    wheel.delete("nobody")
    assert.deepStrictEqual([...wheel.values()], ["a"])
    assert.deepStrictEqual(wheel.advance(200), [])
    assert.deepStrictEqual(wheel.advance(300), ["a"])
  })

  it("knows when the next tick starts", () => {
    const wheel = new TimerWheel<string>(tick, 1_000)
    assert.strictEqual(wheel.startAfter(1_000), 1_100)
    assert.strictEqual(wheel.startAfter(1_099.9), 1_100)
  })
})

const integer = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

/** Timer, and the time from now until it is due; with the greatest time it is removed instead. */
const Choices = Arbitrary.array(
  Arbitrary.flatMap(integer(5), (timer) => Arbitrary.map(integer(400), (pause) => [timer, pause] as const)),
  { minLength: 1, maxLength: 60 },
)

it.prop(
  "no timer of a wheel is late or earlier than its tick, and the owners of early timers get them on time",
  [Choices, Arbitrary.array(integer(90), { minLength: 1, maxLength: 60 })],
  ([choices, passes]) => {
    const wheel = new TimerWheel<number>(tick, 0)
    const dues = new Map<number, number>()
    const early = new Set<number>()
    const startOf = (at: number) => Math.floor(at / tick) * tick
    let now = 0
    const expire = () => {
      for (const timer of wheel.advance(now)) {
        const due = dues.get(timer) ?? assert.fail("a removed timer expired")
        assert.isAtMost(startOf(due), now)
        dues.delete(timer)
        if (due <= now) continue
        assert.isFalse(early.has(timer), "it was early twice")
        early.add(timer)
        dues.set(timer, due)
        wheel.add(timer, due)
      }
      for (const due of dues.values()) assert.isAbove(due, now, "a timer is late")
    }
    for (const [i, pass] of passes.entries()) {
      const [timer, pause] = choices[i % choices.length] ?? [0, 0]
      early.delete(timer)
      if (pause === 400) {
        dues.delete(timer)
        wheel.delete(timer)
      } else {
        dues.set(timer, now + pause)
        wheel.add(timer, now + pause)
      }
      // The owner advances the wheel whenever a timer expires.
      const end = now + pass
      for (let next = wheel.next(); next <= end; next = wheel.next()) {
        now = Math.max(now, next)
        const before = wheel.size
        expire()
        assert.isTrue(wheel.size < before || wheel.next() > next, "nothing expired at the announced time")
      }
      now = end
      expire()
      assert.strictEqual(wheel.size, dues.size)
    }
  },
)
