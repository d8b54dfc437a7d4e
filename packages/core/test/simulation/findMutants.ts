/** Mutation tests of scenarios: the swarm must find the defect of each mutant. Otherwise a check is missing. */
import { type Simulation, Swarm } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

export interface Mutant {
  readonly name: string
  /** Scenario with the defect. */
  readonly scenario: Simulation.Scenario
  /** Number of seeds, from 1 on, of which at least one must fail. */
  readonly within: number
  /** Seed that runs before the others, because it failed last time. */
  readonly first?: number | undefined
}

/** Tests that the seeds of each mutant find its defect. */
export const findMutants = (title: string, mutants: ReadonlyArray<Mutant>): void => {
  describe(title, () => {
    for (const { first, name, scenario, within } of mutants) {
      it.live(
        name,
        () =>
          Effect.gen(function* () {
            const seeds = Array.from({ length: within }, (_, i) => i + 1)
            const ordered = first === undefined ? seeds : new Set([first, ...seeds])
            const { failures } = yield* Swarm.run(scenario, ordered, { stopAfter: 1, shrink: false })
            assert.isAtLeast(failures.length, 1, `not found within ${within} seeds: a check is missing`)
          }),
        300_000,
      )
    }
  })
}
