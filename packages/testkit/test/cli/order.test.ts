/** Scenarios of this repository: a seed gives the same run whatever ran before it in the process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import * as scenarios from "../../../../coterie.sim.ts"
import { Hash } from "../../src/kernel/Hash.ts"
import type { Scenario } from "../../src/Scenario.ts"
import * as Swarm from "../../src/Swarm.ts"
import { coterieSim, summary } from "./command.ts"

const file = path.join(import.meta.dirname, "../../../../coterie.sim.ts")

/**
 * Seeds of every scenario. With these seeds the scenarios with a random number of nodes start few nodes, so that a run
 * takes a tenth of the mean time.
 */
const [one, other] = [29, 30] as const

/** Runs a seed in this process. Returns its hash. */
const hashOf = (scenario: Scenario, seed: number) =>
  Effect.map(Swarm.runSeed(scenario, seed, { shrink: false }), ({ found, traceHash }) => {
    assert.isUndefined(found)
    return traceHash
  })

/** Returns the hash of a swarm of one seed. */
const swarmHash = (traceHash: string): string => {
  const hash = new Hash()
  hash.text(traceHash)
  return hash.digest()
}

/** Runs a seed of each scenario in a new thread. All tests share this one process. */
const isolated = Effect.runSync(
  Effect.cached(
    Effect.map(coterieSim(["swarm", file, "--seeds", String(other), "--workers", "2", "--isolate", "--json"]), summary),
  ),
)

describe("seeds forwards, backwards and in a new thread give the same runs of", () => {
  for (const scenario of Object.values(scenarios)) {
    it.live(
      scenario.name,
      () =>
        Effect.gen(function* () {
          const first = yield* hashOf(scenario, one)
          const second = yield* hashOf(scenario, other)
          assert.strictEqual(yield* hashOf(scenario, one), first)
          const alone = (yield* isolated).scenarios.find(({ name }) => name === scenario.name)
          assert.strictEqual(alone?.traceHash, swarmHash(second))
        }),
      300_000,
    )
  }
})
