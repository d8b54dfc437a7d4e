import { describe, expect, it } from "@effect/vitest"
import { explore } from "./Exploration.ts"

/*
 * Every order of events of three nodes up to a depth, from the moment of peace on, with up to two faults at
 * any point. Every state on the way is checked, and from some of the last ones the way to peace is walked.
 */
describe("no order of events breaks an invariant", () => {
  for (const [subject, name] of ["first", "second", "third"].entries()) {
    // The time is that of a machine that does much else.
    it(`whatever two faults happen to the ${name} of three nodes`, { timeout: 120_000 }, () => {
      const report = explore({ subject, depth: 7, states: 60_000 })
      expect(report.problem).toBeUndefined()
      expect(report.depth).toBe(7)
    })
  }
})
