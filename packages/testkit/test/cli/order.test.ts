/** Scenarios of this repository: a seed gives the same run whatever ran before it in the process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import * as scenarios from "../../../../coterie.sim.ts"
import type { Scenario } from "../../src/Scenario.ts"
import * as Swarm from "../../src/Swarm.ts"
import { coterieSim, summary } from "./command.ts"

const file = path.join(import.meta.dirname, "../../../../coterie.sim.ts")

/**
 * Seeds of every scenario. With these seeds the scenarios with a random number of nodes start few nodes, so that a run
 * takes a tenth of the mean time.
 */
const seeds = [29, 30] as const
const [first, last] = seeds

/** Runs the seeds in this order. Returns the hash of each seed and the hash of all. */
const inOrder = (scenario: Scenario, order: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const hashes = new Map<number, string>()
    const { failures, traceHash } = yield* Swarm.run(scenario, order, {
      shrink: false,
      onResult: (result) => hashes.set(result.seed, result.traceHash),
    })
    assert.deepStrictEqual(failures, [])
    return { hashes, traceHash }
  })

/** Runs each seed of each scenario in a new thread. All tests share this one process. */
const isolated = Effect.runSync(
  Effect.cached(
    Effect.map(
      coterieSim(["swarm", file, "--seeds", `${first}..${last}`, "--workers", "2", "--isolate", "--json"]),
      summary,
    ),
  ),
)

describe("seeds forwards, backwards and each in a new thread give the same runs of", () => {
  for (const scenario of Object.values(scenarios)) {
    it.live(
      scenario.name,
      () =>
        Effect.gen(function* () {
          const forwards = yield* inOrder(scenario, seeds)
          const backwards = yield* inOrder(scenario, seeds.toReversed())
          assert.deepStrictEqual([...backwards.hashes].sort(), [...forwards.hashes].sort())
          const alone = (yield* isolated).scenarios.find(({ name }) => name === scenario.name)
          assert.strictEqual(alone?.traceHash, forwards.traceHash)
        }),
      300_000,
    )
  }
})
