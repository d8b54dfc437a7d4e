/**
 * Clusters in the simulated world, with different seeds for every commit. `pnpm sim swarm` runs more seeds. A failure
 * prints the command that repeats it.
 */
import { it } from "@coterie/testkit/vitest"
import { describe } from "@effect/vitest"
import { survivesBabblers } from "./babblers.ts"
import * as Guarantees from "./guarantees.ts"
import { renewed } from "./renewals.ts"
import { manualStart } from "./manualStart.ts"
import { anything, crossed, lostOnOneSide, oneCutLink, small, three, withdrawn } from "./scenarios.ts"
import { commitBase } from "./commitBase.ts"

/** Timeout that allows for a busy machine. */
const timeout = 300_000

describe("a cluster of real nodes", () => {
  it.sim(anything, { seeds: 1, base: commitBase, timeout })
  it.sim(small, { seeds: 10, base: commitBase, timeout })
  it.sim(survivesBabblers, { seeds: 3, base: commitBase, timeout })
  it.sim(lostOnOneSide, { seeds: 10, base: commitBase, timeout })
  it.sim(crossed, { seeds: 10, base: commitBase, timeout })
  it.sim(oneCutLink, { seeds: 10, base: commitBase, timeout })
  it.sim(withdrawn, { seeds: 6, base: commitBase, timeout })
  it.sim(renewed, { seeds: 6, base: commitBase, timeout })
  it.sim(manualStart, { seeds: 10, base: commitBase, timeout })
  it.sim(three, { seeds: 20, base: commitBase, timeout })
})

describe("the membership guarantees that", () => {
  for (const scenario of Guarantees.oneCut) it.sim(scenario, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.stoodStill("a node that was paused for ten seconds suspects no peer and recovers once"), {
    seeds: 5,
    base: commitBase,
    timeout,
  })
  for (const scenario of Guarantees.noticed) it.sim(scenario, { seeds: 3, base: commitBase, timeout })
  it.sim(Guarantees.clockSetBack("a node whose clock was set back before its restart is a member again"), {
    seeds: 5,
    base: commitBase,
    timeout,
  })
  it.sim(Guarantees.healsAfterForgetting, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.meetsAgain, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.rollingRestart, { seeds: 2, base: commitBase, timeout })
  it.sim(Guarantees.fewReach("a node that few members reach is suspected and not called failed"), {
    seeds: 1,
    base: commitBase,
    timeout,
  })
  it.sim(Guarantees.isolated("an isolated node emits Isolated, and Reconnected when it is back"), {
    seeds: 5,
    base: commitBase,
    timeout,
  })
})
