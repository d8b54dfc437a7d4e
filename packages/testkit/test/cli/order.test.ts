/** Scenarios of this repository: a seed gives the same run whatever ran before it in the process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as path from "node:path"
import * as scenarios from "../../../../coterie.sim.ts"
import type { Scenario } from "../../src/Scenario.ts"
import * as Swarm from "../../src/Swarm.ts"
import { coterieSim } from "./command.ts"

const program = path.join(import.meta.dirname, "fixtures/forwards.ts")

/**
 * Seed of every scenario. With this seed the scenarios with a random number of nodes start few nodes, so that a run takes
 * a tenth of the mean time.
 */
const seed = 31

/** Runs the seed in this process. Returns the hash of its trace. */
const hashOf = (scenario: Scenario) =>
  Effect.map(Swarm.runSeed(scenario, seed, { shrink: false }), ({ found, traceHash }) => {
    assert.isUndefined(found)
    return traceHash
  })

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))

/** Runs the seed of each scenario, from the first to the last, in another process. All tests share it. */
const forwards = Effect.runSync(
  Effect.cached(
    Effect.map(coterieSim([String(seed)], { program }), ({ code, err, out }) => {
      assert.strictEqual(code, 0, err)
      return decode(out)
    }),
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
          assert.strictEqual((yield* forwards)[scenario.name], hash)
        }),
      300_000,
    )
  }
})
