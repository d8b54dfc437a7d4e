/**
 * Clusters in the simulated world, with a few seeds, which differ from commit to commit. `pnpm sim swarm` runs many
 * seeds, and larger clusters. A failure prints the command that repeats it.
 */
import { it } from "@coterie/testkit/vitest"
import { describe } from "@effect/vitest"
import { survivesBabblers } from "./babblers.ts"
import * as Guarantees from "./guarantees.ts"
import { renewed } from "./renewals.ts"
import { manualStart } from "./manualStart.ts"
import { crossed, lostOnOneSide, oneCutLink, small, three, withdrawn } from "./scenarios.ts"
import { commitBase, testFewSeeds, timeout } from "./commitBase.ts"

describe("a cluster of real nodes", () => {
  testFewSeeds(small, 3)
  testFewSeeds(manualStart, 3)
  it.sim(survivesBabblers, { seeds: 1, base: commitBase, timeout })
  it.sim(lostOnOneSide, { seeds: 3, base: commitBase, timeout })
  it.sim(crossed, { seeds: 3, base: commitBase, timeout })
  it.sim(oneCutLink, { seeds: 4, base: commitBase, timeout })
  it.sim(withdrawn, { seeds: 2, base: commitBase, timeout })
  it.sim(renewed, { seeds: 2, base: commitBase, timeout })
  it.sim(three, { seeds: 5, base: commitBase, timeout })
})

describe("the membership guarantees that", () => {
  for (const scenario of Guarantees.oneCut) it.sim(scenario, { seeds: 1, base: commitBase, timeout })
  for (const scenario of Guarantees.idleCut) it.sim(scenario, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.isolatedWithIdleLinks, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.isolatedInTime, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.stoodStill("a node that was paused for ten seconds suspects no peer and recovers once"), {
    seeds: 2,
    base: commitBase,
    timeout,
  })
  for (const scenario of Guarantees.noticed) it.sim(scenario, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.clockSetBack("a node whose clock was set back before its restart is a member again"), {
    seeds: 2,
    base: commitBase,
    timeout,
  })
  it.sim(Guarantees.healsAfterForgetting, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.meetsAgain, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.rollingRestart, { seeds: 1, base: commitBase, timeout })
  it.sim(Guarantees.fewReach("a node that few members reach is suspected and not called failed"), {
    seeds: 1,
    base: commitBase,
    timeout,
  })
  it.sim(Guarantees.isolated("an isolated node emits Isolated, and Reconnected when it is back"), {
    seeds: 2,
    base: commitBase,
    timeout,
  })
})
