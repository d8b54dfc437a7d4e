import { Simulation, Swarm } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mutant, requests } from "./simulation.ts"
import { testFewSeeds, timeout } from "../../core/test/simulation/commitBase.ts"

testFewSeeds(requests, 2)

/** Number of seeds within which the swarm must find the mutant. Otherwise a check is missing. */
const within = 5

it.live(
  "the swarm finds a client of any that repeats requests that may have been carried out",
  () =>
    Effect.gen(function* () {
      const seeds = Array.from({ length: within }, (_, i) => i + 1)
      const { failures } = yield* Swarm.run(mutant, seeds, { stopAfter: 1, shrink: false })
      const [found] = failures
      if (found === undefined) return assert.fail(`not found within ${within} seeds: a check is missing`)
      assert.include(found.failure.message, "no job begins twice")
      const again = yield* Simulation.outcome(mutant, { ...found.artifact, replay: found.artifact })
      assert.strictEqual(again.failure?.message, found.failure.message)
    }),
  timeout,
)
