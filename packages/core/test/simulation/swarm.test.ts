/**
 * The cluster in the simulated world, over other seeds for every commit; `pnpm sim swarm` runs more of them. A failure
 * prints the line that runs it again.
 */
import { execFileSync } from "node:child_process"
import { Seeds } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { describe } from "@effect/vitest"
import * as Guarantees from "./guarantees.ts"
import { anything, crossed, lostOnOneSide, oneCutLink, three } from "./scenarios.ts"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // Not a clone, but an unpacked archive.
    return "no commit"
  }
}

const base = Seeds.base(commit())
/** Of a machine that does much else at the same time. */
const timeout = 300_000

describe("a cluster of real nodes", () => {
  it.sim(anything, { seeds: 50, base, timeout })
  it.sim(lostOnOneSide, { seeds: 30, base, timeout })
  it.sim(crossed, { seeds: 10, base, timeout })
  it.sim(oneCutLink, { seeds: 30, base, timeout })
  it.sim(three, { seeds: 100, base, timeout })
})

describe("the membership tells the truth", () => {
  for (const scenario of Guarantees.oneCut) it.sim(scenario, { seeds: 1, base, timeout })
  it.sim(Guarantees.stoodStill("who stood still for ten seconds blames nobody and comes back once"), {
    seeds: 10,
    base,
    timeout,
  })
  for (const scenario of Guarantees.noticed) it.sim(scenario, { seeds: 10, base, timeout })
  it.sim(Guarantees.clockSetBack, { seeds: 10, base, timeout })
  it.sim(Guarantees.healsAfterForgetting, { seeds: 2, base, timeout })
  it.sim(Guarantees.meetsAgain, { seeds: 3, base, timeout })
  it.sim(Guarantees.rollingRestart, { seeds: 3, base, timeout })
  it.sim(Guarantees.fewReach("whom few reach is suspected at most"), { seeds: 5, base, timeout })
  it.sim(Guarantees.isolated("a node that is cut off says so, and when it is back"), { seeds: 10, base, timeout })
})
