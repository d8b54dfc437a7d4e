/** Mutation tests of the simulation: the swarm must find the defect of each mutant. */
import { Swarm } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Mutant, mutants } from "./mutants.ts"
import { mutants as valueMutants } from "./values/mutants.ts"

const find = (title: string, mutants: ReadonlyArray<Mutant>) =>
  describe(title, () => {
    for (const { first, name, scenario, within } of mutants) {
      it.live(
        name,
        () =>
          Effect.gen(function* () {
            const seeds = new Set([first, ...Array.from({ length: within }, (_, i) => i + 1)])
            const { failures } = yield* Swarm.run(scenario, seeds, { stopAfter: 1, shrink: false })
            assert.isAtLeast(failures.length, 1, `not found within ${within} seeds: a check is missing`)
          }),
        300_000,
      )
    }
  })

find("a mutant of owned maps is found", mutants)
find("a mutant of shared values is found", valueMutants)
