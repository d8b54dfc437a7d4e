import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { WaitTime } from "../../src/flow/WaitTime.ts"

const natural = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Waits in the order of their ends: pauses between the ends, and lengths. */
const Waits = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Tuple([natural(20), natural(60)])), { maxLength: 20 }),
  (waits) => {
    let now = 100
    return waits.map(([pause, length]): Wait => [(now += pause) - length, now])
  },
)

type Wait = readonly [since: number, until: number]

const sumOf = (waits: ReadonlyArray<Wait>): number => {
  const time = new WaitTime()
  return waits.reduce((sum, [since, until]) => sum + time.add(since, until), 0)
}

/** Returns the number of milliseconds in which some wait lasted. */
const covered = (waits: ReadonlyArray<Wait>): number => {
  const millis = new Set<number>()
  for (const [since, until] of waits) for (let at = since; at < until; at++) millis.add(at)
  return millis.size
}

describe("the sum of waits", () => {
  it("counts the time in which waits overlap once", () => {
    assert.strictEqual(
      sumOf([
        [0, 100],
        [50, 150],
        [150, 200],
      ]),
      200,
    )
    assert.strictEqual(
      sumOf([
        [0, 100],
        [20, 100],
        [300, 400],
      ]),
      200,
    )
  })

  it("counts a wait from its start, also if a shorter one ended before", () => {
    assert.strictEqual(
      sumOf([
        [480, 490],
        [0, 500],
      ]),
      500,
    )
  })

  it.effect.prop("is no less than the time in which anything waited, and no more than the waits", [Waits], ([waits]) =>
    Effect.sync(() => {
      const sum = sumOf(waits)
      assert.isAtLeast(sum, covered(waits))
      assert.isAtMost(
        sum,
        waits.reduce((all, [since, until]) => all + until - since, 0),
      )
    }),
  )
})
