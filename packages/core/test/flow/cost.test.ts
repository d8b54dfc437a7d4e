import { assert, describe, it } from "@effect/vitest"
import { cost, fragmentBytes, minFragmentBytes } from "../../src/flow/cost.ts"
import { dataOverhead, maxFragmentBytes, minWindow } from "../../src/protocol/constants.ts"

describe("the cost of a frame", () => {
  it("is its payload and a fixed overhead, also for an empty payload", () => {
    assert.strictEqual(cost(0), dataOverhead)
    assert.strictEqual(cost(1_000), 1_000 + dataOverhead)
  })
})

describe("the payload of a fragment", () => {
  it("costs at most half of the window, for any window", () => {
    for (const window of [minWindow, minWindow + 1, 8_192, 100_001]) {
      assert.isAtMost(cost(fragmentBytes(window)), window / 2)
      assert.isAbove(cost(fragmentBytes(window) + 1), window / 2)
    }
  })

  it("is at most the largest that a frame may have", () => {
    assert.strictEqual(fragmentBytes(2 ** 31), maxFragmentBytes)
  })

  it("is at least the fragment size of the smallest window", () => {
    assert.strictEqual(minFragmentBytes, minWindow / 2 - dataOverhead)
    assert.isAtLeast(fragmentBytes(minWindow + 1), minFragmentBytes)
  })
})
