import { assert, describe, it } from "@effect/vitest"
import * as Distribution from "../src/Distribution.ts"
import * as Prng from "../src/kernel/Prng.ts"

describe("Distribution", () => {
  const samples = (distribution: Distribution.Distribution, count = 4_000): ReadonlyArray<number> => {
    const random = Prng.make(1, "samples")
    return Array.from({ length: count }, () => Distribution.sample(distribution, random))
  }
  const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length

  it("returns a constant, or values in its range around its mean", () => {
    assert.deepStrictEqual(samples(7, 2), [7, 7])
    const uniform = samples({ uniform: [10, 30] })
    assert.isTrue(uniform.every((value) => value >= 10 && value < 30))
    assert.closeTo(mean(uniform), 20, 1)
    const exponential = samples({ exponential: { min: 10, mean: 30 } })
    assert.isTrue(exponential.every((value) => value >= 10))
    assert.closeTo(mean(exponential), 30, 2)
    assert.isAbove(Math.max(...exponential), 90)
    const logUniform = samples({ logUniform: [1, 10_000] })
    assert.isTrue(logUniform.every((value) => value >= 1 && value < 10_000))
    assert.closeTo(mean(logUniform.map((value) => Math.log10(value))), 2, 0.1)
    const tail = samples({ tail: { chance: 0.25, is: 100, otherwise: { uniform: [0, 1] } } })
    assert.closeTo(tail.filter((value) => value === 100).length, 1_000, 150)
  })

  it("reports whether it is always zero", () => {
    const nothing: ReadonlyArray<Distribution.Distribution | undefined> = [
      undefined,
      0,
      { uniform: [0, 0] },
      { exponential: { min: 0, mean: 0 } },
      { tail: { chance: 0.5, is: 0, otherwise: { uniform: [0, 0] } } },
      { tail: { chance: 0, is: 5, otherwise: 0 } },
      { tail: { chance: 1, is: 0, otherwise: 5 } },
    ]
    const something: ReadonlyArray<Distribution.Distribution> = [
      1,
      { uniform: [0, 1] },
      { exponential: { min: 0, mean: 1 } },
      { logUniform: [1, 1] },
      { tail: { chance: 0.1, is: 5, otherwise: 0 } },
      { tail: { chance: 0.1, is: 0, otherwise: 5 } },
    ]
    for (const distribution of nothing) assert.isTrue(Distribution.isZero(distribution), JSON.stringify(distribution))
    for (const distribution of something)
      assert.isFalse(Distribution.isZero(distribution), JSON.stringify(distribution))
  })

  it.prop("returns only zero if it reports that it is always zero", [Distribution.Time], ([distribution]) => {
    if (Distribution.isZero(distribution)) assert.isTrue(samples(distribution, 20).every((value) => value === 0))
  })
})
