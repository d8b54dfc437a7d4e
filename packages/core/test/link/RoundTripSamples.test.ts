import { assert, describe, it } from "@effect/vitest"
import { maxSamples, RoundTripSamples } from "../../src/link/RoundTripSamples.ts"

/** Returns the summary after these samples. */
const summaryOf = (...millis: ReadonlyArray<number>) => {
  const samples = new RoundTripSamples()
  for (const each of millis) samples.add(each)
  return samples.summary()
}

describe("the samples of a link", () => {
  it("have no summary before the first one", () => {
    assert.isUndefined(summaryOf())
  })

  it("are summarized by the last, the shortest, the middle and the longest one", () => {
    assert.deepStrictEqual(summaryOf(7), { last: 7, min: 7, median: 7, max: 7, samples: 1 })
    assert.deepStrictEqual(summaryOf(100, 9, 20, 3), { last: 3, min: 3, median: 9, max: 100, samples: 4 })
    assert.deepStrictEqual(summaryOf(5, 1, 4, 2, 3), { last: 3, min: 1, median: 3, max: 5, samples: 5 })
  })

  it("keep fractions of a millisecond", () => {
    assert.deepStrictEqual(summaryOf(0.1, 0.3), { last: 0.3, min: 0.1, median: 0.1, max: 0.3, samples: 2 })
  })

  it("replace the oldest one when there are more than the maximum", () => {
    const many = Array.from({ length: maxSamples }, (_, index) => index + 10)
    assert.deepInclude(summaryOf(...many), { min: 10, max: maxSamples + 9, samples: maxSamples })
    assert.deepInclude(summaryOf(...many, 1_000), { last: 1_000, min: 11, max: 1_000, samples: maxSamples })
    // The summary does not change the order of the samples.
    const samples = new RoundTripSamples()
    for (const each of [...many].reverse()) samples.add(each)
    samples.summary()
    samples.add(1_000)
    assert.deepInclude(samples.summary(), { last: 1_000, min: 10, max: 1_000 })
  })
})
