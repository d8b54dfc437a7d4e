import { Simulation, Swarm } from "@coterie/testkit"
import { it as vitest } from "@effect/vitest"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mutant, requests } from "./simulation.ts"
import { commitBase } from "../../core/test/simulation/commitBase.ts"

it.sim(requests, { seeds: 6, base: commitBase, timeout: 300_000 })

/** Number of seeds within which the swarm must find the mutant. Otherwise a check is missing. */
const within = 5

vitest.live(
  "the swarm finds a client of any that repeats requests that may have been carried out",
  () =>
    Effect.gen(function* () {
      const seeds = Array.from({ length: within }, (_, i) => i + 1)
      const { failures } = yield* Swarm.run(mutant, seeds, { stopAfter: 1 })
      const [found] = failures
      if (found === undefined) return assert.fail(`not found within ${within} seeds: a check is missing`)
      assert.include(found.failure.message, "no job begins twice")
      const again = yield* Simulation.outcome(mutant, { ...found.artifact, replay: found.artifact })
      assert.strictEqual(again.failure?.message, found.failure.message)
    }),
  300_000,
)
