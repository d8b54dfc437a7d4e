import { assert, describe, it } from "@effect/vitest"
import * as Distribution from "../../src/Distribution.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Prng from "../../src/kernel/Prng.ts"
import { ConditionCounters } from "../../src/network/ConditionCounters.ts"
import * as Conditions from "../../src/network/Conditions.ts"

const make = (draws: Draws.Draws) => {
  const counters = new ConditionCounters()
  return { counters, draws, conditions: new Conditions.Conditions(draws, counters) }
}

const distributions: ReadonlyArray<readonly [Distribution.Distribution, number]> = [
  [7, 7],
  [{ uniform: [3, 9] }, 3],
  [{ logUniform: [2, 9] }, 2],
  [{ exponential: { min: 4, mean: 9 } }, 4],
  [{ tail: { chance: 0.1, is: { uniform: [1, 2] }, otherwise: 5 } }, 1],
]

describe("Conditions", () => {
  it("return the smallest sample of each distribution", () => {
    for (const [distribution, least] of distributions) {
      assert.strictEqual(Conditions.minimum(distribution), least)
      const random = Prng.make(1, "samples")
      for (let i = 0; i < 200; i++) assert.isAtLeast(Distribution.sample(distribution, random), least)
    }
  })

  it("convert recorded values to integers that are not negative", () => {
    assert.deepStrictEqual([2.9, 0, -4, Number.NaN].map(Conditions.toWhole), [2, 0, 0, 0])
  })

  it("draw a distance once for both directions, and again after a change", () => {
    const { conditions, counters, draws } = make(Draws.seeded(1))
    conditions.set({ distance: { uniform: [1_000, 9_000] } })
    const first = conditions.distance("a", "b")
    assert.isAtLeast(first, 1_000)
    assert.deepStrictEqual([conditions.distance("b", "a"), conditions.distance("a", "b")], [first, first])
    assert.strictEqual(counters.distance, 1)
    conditions.set({ distance: { uniform: [1_000, 9_000] } })
    conditions.distance("a", "b")
    assert.deepStrictEqual(Object.keys(draws.deviations()["distance a-b"] ?? {}), ["0", "1"])
  })

  it("draw nothing if there is no condition", () => {
    const { conditions, draws } = make(Draws.seeded(1))
    conditions.set({ distance: 0 })
    assert.strictEqual(conditions.distance("a", "b"), 0)
    assert.strictEqual(conditions.once("loss", undefined), 0)
    assert.strictEqual(conditions.once("loss", { uniform: [0, 0] }), 0)
    assert.deepStrictEqual(draws.deviations(), {})
  })

  it("draw constants in parts of a unit, and never round a chance down to 0", () => {
    const { conditions } = make(Draws.seeded(1))
    assert.strictEqual(conditions.once("lossRate", 0.25, 1_000_000), 250_000)
    assert.strictEqual(conditions.once("lossRate", 0.000_000_1, 1_000_000), 1)
  })

  it("have another epoch after each change", () => {
    const { conditions } = make(Draws.seeded(1))
    const before = conditions.epoch
    conditions.set({})
    assert.notStrictEqual(conditions.epoch, before)
  })
})
