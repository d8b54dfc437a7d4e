/** Mutation tests of the simulation of event log servers: the swarm must find the defect of each mutant. */
import { Swarm } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mutants } from "./eventLogMutants.ts"

describe("a mutant of event log storages is found", () => {
  for (const { name, scenario, within } of mutants) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const seeds = Array.from({ length: within }, (_, i) => i + 1)
          const { failures } = yield* Swarm.run(scenario, seeds, { stopAfter: 1, shrink: false })
          assert.isAtLeast(failures.length, 1, `not found within ${within} seeds: a check is missing`)
        }),
      300_000,
    )
  }
})
