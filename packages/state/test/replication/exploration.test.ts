import { assert, describe, it } from "@effect/vitest"
import { depths, explore } from "./Exploration.ts"

/**
 * Explores every order of inputs of two nodes with one map. The invariants are checked after every step, and from all
 * last worlds the nodes run until their copies are equal. `pnpm test:orders:state` explores more inputs.
 */
describe("no order of inputs of two nodes with one map breaks an invariant", () => {
  for (const { depth, faults } of depths) {
    it(`with ${faults} of changes, closed maps, lost links and restarts among ${depth} inputs`, () => {
      const { problem, worlds } = explore({ depth, faults })
      assert.isUndefined(problem)
      assert.isAbove(worlds, 700)
    })
  }
})
