import { describe, expect, it } from "@effect/vitest"
import { depths, explore } from "./Exploration.ts"

/**
 * Explores every order of events of three settled nodes up to a depth, with up to two faults at any point. The
 * invariants are checked after every step. From some of the last worlds the cluster runs until it has settled again.
 * `pnpm test:orders` explores more events.
 */
describe("no order of events breaks an invariant", () => {
  for (const [subject, name] of ["first", "second", "third"].entries()) {
    // The timeout allows for a busy machine.
    it(`with any two faults of the ${name} of three nodes`, { timeout: 120_000 }, () => {
      const report = explore({ subject, depth: depths.faults })
      expect(report.problem).toBeUndefined()
      expect(report.depth).toBe(depths.faults)
    })

    it(`with any two false reports of a peer about the ${name} of three nodes`, { timeout: 120_000 }, () => {
      const report = explore({ subject, depth: depths.lies, lies: true })
      expect(report.problem).toBeUndefined()
      expect(report.depth).toBe(depths.lies)
    })
  }
})
