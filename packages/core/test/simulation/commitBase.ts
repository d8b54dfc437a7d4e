/** Seeds of a commit, so that every commit runs other seeds. */
import { Seeds, type Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { describe } from "@effect/vitest"
import { execFileSync } from "node:child_process"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // An unpacked archive has no commit.
    return "no commit"
  }
}

export const commitBase = Seeds.base(commit())

/** Timeout of a test with seeds, in milliseconds. It allows for a busy machine. */
export const timeout = 300_000

/**
 * Tests a scenario with a few seeds of this commit. Each seed is a test of its own, because a few seeds do not reach every
 * goal of a scenario (`Invariant.sometimes`), and a test of one seed need not. The many seeds of `pnpm sim swarm` must.
 */
export const testFewSeeds = (scenario: Simulation.Scenario, count: number): void =>
  describe.each(Array.from({ length: count }, (_, i) => i))("seed %i of the commit", (i) => {
    it.sim(scenario, { base: commitBase + i, timeout })
  })
