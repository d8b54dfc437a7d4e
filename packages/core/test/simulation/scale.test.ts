import { Simulation } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { excesses, type Phase, scale } from "./scale.ts"

/** Timeout for some hundred thousand simulated heartbeats. */
const timeout = 300_000

describe("boot, rest, kill of a tenth and restart stay within their budgets in a cluster", () => {
  for (const nodes of [20, 30]) {
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
