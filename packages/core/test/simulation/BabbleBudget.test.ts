import { assert, describe, it } from "@effect/vitest"
import { BabbleBudget } from "./BabbleBudget.ts"

describe("a budget of babble", () => {
  it("is spent after its number of times, for any kinds", () => {
    const budget = new BabbleBudget({ count: 3, babblers: ["b"] })
    for (const kind of ["ghosts", "bye", "ghosts"] as const) {
      assert.isFalse(budget.isSpent)
      budget.spend(kind)
    }
    assert.isTrue(budget.isSpent)
    assert.deepStrictEqual([...budget.said].sort(), [
      ["bye", 1],
      ["ghosts", 2],
    ])
  })

  it("is over when each babbler has ended, however often one of them ended", () => {
    const budget = new BabbleBudget({ count: 3, babblers: ["b", "z"] })
    budget.stop()
    assert.isTrue(budget.isSpent)
    budget.end("b")
    budget.end("b")
    assert.isFalse(budget.isOver)
    budget.end("z")
    assert.isTrue(budget.isOver)
  })
})
