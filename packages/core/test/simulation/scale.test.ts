import { Simulation } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { excesses, type Phase, scale } from "./scale.ts"

/** Some hundred thousand heartbeats are simulated. */
const timeout = 300_000

describe("a cluster meets, rests, loses a tenth at once and gets it back within what is budgeted for it", () => {
  for (const nodes of [20, 100]) {
    it.live(
      `of ${nodes} nodes`,
      () =>
        Effect.gen(function* () {
          const phases: Array<Phase> = []
          yield* Simulation.run(
            scale(nodes, (phase) => phases.push(phase)),
            { seed: 1, stacks: false },
          )
          assert.deepStrictEqual(
            phases.map(({ name }) => name),
            ["boot", "rest", "kill", "restart"],
          )
          assert.deepStrictEqual(excesses(nodes, phases), [])
        }),
      timeout,
    )
  }
})
