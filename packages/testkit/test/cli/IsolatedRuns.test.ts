import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { IsolatedRuns } from "../../src/cli/IsolatedRuns.ts"

const run = (scenario: string, seed: number) => ({
  scenario,
  seed,
  explore: "fifo" as const,
  traceHash: "",
  steps: 1,
  virtualSeconds: 1,
  faultsFired: {},
  marks: {},
  found: undefined,
})

describe("IsolatedRuns", () => {
  it.effect("runs each scenario in a new thread, one after the other", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const runs: IsolatedRuns = new IsolatedRuns({
        scenarios: ["a", "b"],
        open: (scenario) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              log.push(`open ${scenario}`)
              return {
                seed: (seed: number) =>
                  Effect.andThen(Effect.yieldNow, () => {
                    log.push(`run ${scenario} ${seed}, running ${runs.running()}`)
                    return Effect.succeed([run(scenario, seed)])
                  }),
              }
            }),
            () => Effect.sync(() => log.push(`close ${scenario}`)),
          ),
      })
      const results = yield* Effect.forEach([1, 2], (seed) => runs.seed(seed), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        results.map((each) => each.map(({ scenario, seed }) => `${scenario} ${seed}`)),
        [
          ["a 1", "b 1"],
          ["a 2", "b 2"],
        ],
      )
      assert.deepStrictEqual(
        log,
        [1, 2].flatMap((seed) =>
          ["a", "b"].flatMap((name) => [`open ${name}`, `run ${name} ${seed}, running ${seed}`, `close ${name}`]),
        ),
      )
      assert.isUndefined(runs.running())
      assert.deepStrictEqual(yield* runs.repeat, [])
    }),
  )
})
