/**
 * Mutation tests of the simulation. The swarm must find the defect of each mutant, shrink the run, and reproduce the
 * failure with the shrunk run.
 */
import { Simulation, Swarm } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mutants } from "./mutants.ts"

describe("a mutant is found, and its shrunk run fails again", () => {
  for (const { name, scenario, within } of mutants) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const seeds = Array.from({ length: within }, (_, i) => i + 1)
          const { failures } = yield* Swarm.run(scenario, seeds, { stopAfter: 1 })
          const [found] = failures
          if (found === undefined) return assert.fail(`not found within ${within} seeds: a check is missing`)
          const { artifact, failure } = found
          const again = yield* Simulation.outcome(scenario, { ...artifact, replay: artifact })
          assert.strictEqual(again.failure?.message, failure.message)
          assert.strictEqual(again.report.traceHash, artifact.traceHash)
        }),
      120_000,
    )
  }
})
