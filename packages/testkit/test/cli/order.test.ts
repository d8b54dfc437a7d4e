/** Scenarios of this repository: a seed gives the same run whatever ran before it in the process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import * as scenarios from "../../../../coterie.sim.ts"
import type { Scenario } from "../../src/Scenario.ts"
import * as Swarm from "../../src/Swarm.ts"
import { coterieSim, summary } from "./command.ts"

const file = path.join(import.meta.dirname, "../../../../coterie.sim.ts")

/** Runs the seeds in this order. Returns the hash of each seed and the hash of all. */
const inOrder = (scenario: Scenario, seeds: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const hashes = new Map<number, string>()
    const { traceHash } = yield* Swarm.run(scenario, seeds, {
      shrink: false,
      onResult: (result) => hashes.set(result.seed, result.traceHash),
    })
    return { hashes, traceHash }
  })

describe("seeds forwards, backwards and each in a new thread give the same runs of", () => {
  for (const scenario of Object.values(scenarios)) {
    it.live(
      scenario.name,
      () =>
        Effect.gen(function* () {
          const forwards = yield* inOrder(scenario, [5, 6])
          const backwards = yield* inOrder(scenario, [6, 5])
          assert.deepStrictEqual([...backwards.hashes].sort(), [...forwards.hashes].sort())
          const only = ["--scenario", scenario.name, "--seeds", "5..6", "--workers", "2"]
          const isolated = summary(yield* coterieSim(["swarm", file, ...only, "--isolate", "--json"]))
          assert.strictEqual(isolated.scenarios[0]?.traceHash, forwards.traceHash)
        }),
      300_000,
    )
  }
})
