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
 * Seed of every scenario. With this seed the scenarios with a random number of nodes start few nodes, so that a run takes
 * a tenth of the mean time.
 */
const seed = 31

/** Runs the seed in this process. Returns the hash of a swarm with this run alone. */
const hashOf = (scenario: Scenario) =>
  Effect.map(Swarm.runSeed(scenario, seed, { shrink: false }), ({ found, traceHash }) => {
    assert.isUndefined(found)
    const hash = new Hash()
    hash.text(traceHash)
    return hash.digest()
  })

/** Runs the seed of each scenario, from the first to the last, in one thread of another process. All tests share it. */
const forwards = Effect.runSync(
  Effect.cached(
    Effect.map(
      coterieSim(["swarm", file, "--seeds", String(seed), "--workers", "1", "--json"]),
      (ended) => new Map(summary(ended).scenarios.map(({ name, traceHash }) => [name, traceHash])),
    ),
  ),
)

// Each scenario runs after all that are behind it in the list, and in the other process after all that are before it. The runs
// would differ if state outlived a run.
describe("forwards in another process and backwards in this one, a seed gives the same run of", () => {
  for (const scenario of Object.values(scenarios).toReversed()) {
    it.live(
      scenario.name,
      () =>
        Effect.gen(function* () {
          const hash = yield* hashOf(scenario)
          assert.strictEqual((yield* forwards).get(scenario.name), hash)
        }),
      300_000,
    )
  }
})
