import { Seeds, Simulation, Swarm } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import type { Mistake as CounterMistake } from "../simulation/counter/Counter.ts"
import { counter } from "../simulation/counter/scenario.ts"
import type { Mistake as LockMistake } from "../simulation/lock/Protocol.ts"
import { lock } from "../simulation/lock/scenario.ts"

describe("the examples of simulations", () => {
  it.sim(lock(), { seeds: 10 })
  it.sim(counter(), { seeds: 10 })

  /** Runs seeds until one fails, and returns the seed with its failure. */
  const search = (scenario: Simulation.Scenario, seeds: number) =>
    Effect.gen(function* () {
      const range = yield* Effect.fromResult(Seeds.make(1, seeds))
      const { failures } = yield* Swarm.run(scenario, Seeds.iterate(range), { stopAfter: 1, shrink: false })
      const [found] = failures
      assert.isDefined(found, `no seed up to ${seeds} finds the mistake`)
      return found
    })

  const locks: ReadonlyArray<readonly [LockMistake, seeds: number, invariant: string]> = [
    ["forgetful server", 50, "at most one client holds the lease"], // seed 4
    ["wall clock", 50, "at most one client holds the lease"], // seed 6
    ["trusting client", 50, "at most one client holds the lease"], // seed 1
    ["unguarded reads", 200, "the store has every acknowledged addition"], // seed 16, and about one in forty
  ]
  for (const [mistake, seeds, invariant] of locks) {
    it.live(`a lock with a mistake, ${mistake}, is found within ${seeds} seeds`, () =>
      Effect.gen(function* () {
        const { failure } = yield* search(lock(mistake), seeds)
        assert(failure._tag === "InvariantViolated", failure.message)
        assert.strictEqual(failure.invariant, invariant)
      }),
    )
  }

  const counters: ReadonlyArray<readonly [CounterMistake, seeds: number, failure: string]> = [
    ["sums", 1, "InvariantViolated"], // seed 1
    ["forgets", 20, "NotConverged"], // seed 2
    ["races", 20, "NotConverged"], // seed 1
  ]
  for (const [mistake, seeds, tag] of counters) {
    it.live(`a counter with a mistake, ${mistake}, is found within ${seeds} seeds`, () =>
      Effect.gen(function* () {
        const { failure } = yield* search(counter(mistake), seeds)
        assert.strictEqual(failure._tag, tag, failure.message)
      }),
    )
  }

  it.live("a seed finds the same failure again", () =>
    Effect.gen(function* () {
      const scenario = counter("forgets")
      const { artifact, failure } = yield* search(scenario, 20)
      const { explore, seed } = artifact
      assert.deepStrictEqual(yield* Effect.flip(Simulation.run(scenario, { seed, explore })), failure)
    }),
  )
})
