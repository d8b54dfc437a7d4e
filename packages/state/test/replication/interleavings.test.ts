import { assert, describe, it } from "@effect/vitest"
import { earlierLife, overtaken, run } from "./interleavings.ts"
import { mutants } from "./mutants.ts"

/** Number of seeds that find a mutant, if its first one does not. */
const within = 500

describe("copies are past states of their owners, and become equal to them", () => {
  for (const late of [false, true]) {
    it(`in any order of inputs${late ? ", also if parts of earlier sessions arrive late" : ""}`, () => {
      const counts = new Map<string, number>()
      for (let seed = 1; seed <= 150; seed++) assert.isUndefined(run(seed, { late, counts }))
      for (const what of ["asks opened", "full", "delta", "ignored", "refused"])
        assert.isAbove(counts.get(what) ?? 0, 0, what)
    })
  }

  it("soon, if a request overtakes the announcement of its reader", () => {
    assert.isUndefined(overtaken({}))
  })

  it("if a part of an earlier life of the owner has the nonce of the present request", () => {
    assert.isUndefined(earlierLife({}))
  })
})

describe("a mutant of the state machines is found", () => {
  for (const { find, first, name, overrides } of mutants) {
    it(name, () => {
      let problem = find(overrides, first)
      for (let seed = 1; problem === undefined && seed <= within; seed++) problem = find(overrides, seed)
      assert.isDefined(problem, `not found within ${within} seeds: a check is missing`)
    })
  }
})
