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
  it.effect("runs each scenario with a seed in a new thread, one after the other", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const runs: IsolatedRuns = new IsolatedRuns({
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
      const pairs = [1, 2].flatMap((seed) => ["a", "b"].map((name) => ({ seed, name })))
      const results = yield* Effect.forEach(pairs, ({ name, seed }) => runs.seed(seed, name), {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual(
        results.flat().map(({ scenario, seed }) => ({ seed, name: scenario })),
        pairs,
      )
      assert.deepStrictEqual(
        log,
        pairs.flatMap(({ name, seed }) => [`open ${name}`, `run ${name} ${seed}, running ${seed}`, `close ${name}`]),
      )
      assert.isUndefined(runs.running())
      assert.deepStrictEqual(yield* runs.repeat, [])
    }),
  )
})
