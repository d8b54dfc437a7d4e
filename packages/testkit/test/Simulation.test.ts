import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Counter, counter, run } from "./run/world.ts"

describe("the time of a simulation", () => {
  it.live("passes by itself while the scenario sleeps", () =>
    Effect.gen(function* () {
      let seen = 0
      const report = yield* run(
        (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            yield* Effect.sleep("3600.5 seconds")
            seen = a.service(Counter)?.count ?? 0
          }),
        { timeLimit: "2 hours" },
      )
      assert.strictEqual(seen, 3600)
      assert.isAtLeast(report.virtualSeconds, 3600)
    }),
  )

  it.live("also applies to promises and timers of the program", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => counter)
        const waited = a.run(
          Effect.promise(async () => {
            const before = Date.now()
            await new Promise((resolve) => setTimeout(resolve, 5_000))
            await Promise.resolve()
            return Date.now() - before
          }),
        )
        assert.strictEqual(yield* waited, 5_000)
        assert.strictEqual(sim.now(), 5_000_000)
      }),
    ),
  )
})
