import { Swarm } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, it as test } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fewSeeds, makeScenario } from "./simulation.ts"
import { commitBase } from "../../core/test/simulation/commitBase.ts"

// A seed simulates one to four minutes of several engines, which takes seconds. `pnpm sim swarm` runs many.
it.sim(fewSeeds, { seeds: 1, base: commitBase, timeout: 300_000 })

test.live(
  "a storage that grants a lock twice is found",
  () =>
    Effect.gen(function* () {
      const { failures } = yield* Swarm.run(
        makeScenario({ name: "a storage that grants twice", mistake: "grantsTwice" }),
        [1, 2, 3],
        { stopAfter: 1, shrink: false },
      )
      const [found] = failures
      if (found === undefined) return assert.fail("not found within 3 seeds: a check is missing")
      assert.match(found.failure.message, /is locked by|two runners run/)
    }),
  300_000,
)
