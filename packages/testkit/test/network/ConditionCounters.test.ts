import { assert, describe, it } from "@effect/vitest"
import { ConditionCounters } from "../../src/network/ConditionCounters.ts"

describe("ConditionCounters", () => {
  it("lists every counter by its name, including counters that are 0", () => {
    const counters = new ConditionCounters()
    counters.loss += 3
    counters.queue++
    assert.deepStrictEqual(counters.all(), {
      bandwidth: 0,
      delay: 0,
      distance: 0,
      loss: 3,
      queue: 1,
      sendBuffer: 0,
      split: 0,
      timeout: 0,
    })
    assert.sameMembers(Object.keys(counters.all()), Object.keys(counters))
  })

  it("returns a snapshot of the counts", () => {
    const counters = new ConditionCounters()
    const before = counters.all()
    counters.delay++
    assert.strictEqual(before["delay"], 0)
  })
})
