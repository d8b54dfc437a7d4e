import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import { SeedFeed } from "../../src/cli/SeedFeed.ts"
import { SeedResults } from "../../src/cli/SeedResults.ts"

const run = (seed: number, scenario = "only") => ({
  scenario,
  seed,
  explore: "fifo" as const,
  traceHash: `hash ${seed}`,
  steps: 1,
  virtualSeconds: 1,
  faultsFired: {},
  marks: {},
  found: undefined,
})

const make = (options: {
  readonly to: number
  readonly deadline?: number
  readonly failing?: number
  readonly scenarios?: ReadonlyArray<string>
}) => {
  const { deadline = Number.POSITIVE_INFINITY, failing, scenarios = ["only"], to } = options
  const infos = scenarios.map((name) => ({ name, faults: undefined }))
  const results = new SeedResults({ scenarios: infos, from: 1, enough: 1 })
  const feed = new SeedFeed({
    seeds: { from: 1, to },
    scenarios,
    deadline,
    results,
    resultOf: ({ found: _, scenario, ...result }) =>
      Effect.succeed({
        result: { ...result, found: undefined },
        failure:
          result.seed === failing
            ? { scenario, seed: result.seed, failure: "Stalled", message: "", sentences: [], replay: "" }
            : undefined,
      }),
  })
  const asked: Array<number> = []
  const thread = (name: number) => ({
    seed: (seed: number) =>
      Effect.gen(function* () {
        asked.push(seed)
        for (let i = 0; i < name; i++) yield* Effect.yieldNow
        return [run(seed)]
      }),
  })
  return { asked, feed, results, threads: [thread(1), thread(5)] }
}

describe("SeedFeed", () => {
  it.effect("hands out each seed once and collects all results", () =>
    Effect.gen(function* () {
      const { asked, feed, results, threads } = make({ to: 50 })
      yield* feed.run(threads)
      assert.deepStrictEqual(
        asked.toSorted((a, b) => a - b),
        Array.from({ length: 50 }, (_, i) => i + 1),
      )
      assert.strictEqual(results.totals().seeds, 50)
    }),
  )

  it.effect("shares the scenarios of a seed, and combines their results in order", () =>
    Effect.gen(function* () {
      const { feed, results } = make({ to: 2, scenarios: ["a", "b", "c"] })
      const long = yield* Deferred.make<void>()
      const asked: Array<string> = []
      const thread = {
        seed: (seed: number, scenario: string) => {
          asked.push(`${seed} ${scenario}`)
          const wait = seed === 1 && scenario === "a" ? Deferred.await(long) : Effect.yieldNow
          return Effect.as(wait, [run(seed, scenario)])
        },
      }
      const fed = yield* Effect.forkChild(feed.run([thread, thread]))
      for (let turns = 0; turns < 1_000; turns++) yield* Effect.yieldNow
      assert.deepStrictEqual(asked, ["1 a", "1 b", "1 c", "2 a", "2 b", "2 c"])
      assert.strictEqual(results.totals().seeds, 0)
      yield* Deferred.succeed(long, undefined)
      yield* Fiber.join(fed)
      const { scenarios, seeds } = results.totals()
      assert.strictEqual(seeds, 2)
      assert.deepStrictEqual(
        scenarios.map(({ name, runs }) => `${name} ${runs}`),
        ["a 2", "b 2", "c 2"],
      )
    }),
  )

  it.effect("runs all other seeds of the end while one thread runs a long seed", () =>
    Effect.gen(function* () {
      const { feed, results } = make({ to: 10 })
      const long = yield* Deferred.make<void>()
      const thread = () => {
        const turn = Semaphore.makeUnsafe(1)
        return {
          seed: (seed: number) =>
            turn.withPermits(1)(Effect.as(seed === 1 ? Deferred.await(long) : Effect.yieldNow, [run(seed)])),
        }
      }
      const fed = yield* Effect.forkChild(feed.run([thread(), thread()]))
      for (let turns = 0; turns < 1_000; turns++) yield* Effect.yieldNow
      assert.strictEqual(results.received().seeds, 9)
      yield* Deferred.succeed(long, undefined)
      yield* Fiber.join(fed)
      assert.strictEqual(results.totals().seeds, 10)
    }),
  )

  it.effect("lets a thread have its next seed before the end", () =>
    Effect.gen(function* () {
      const { feed } = make({ to: 1_000 })
      const asked: Array<number> = []
      const stuck = {
        seed: (seed: number) =>
          Effect.andThen(
            Effect.sync(() => asked.push(seed)),
            Effect.never,
          ),
      }
      yield* Effect.forkChild(feed.run([stuck]))
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      assert.deepStrictEqual(asked, [1, 2])
    }),
  )

  it.effect("hands out no seed after the deadline", () =>
    Effect.gen(function* () {
      const { asked, feed, threads } = make({ to: 50, deadline: 0 })
      yield* feed.run(threads)
      assert.deepStrictEqual(asked, [])
    }),
  )

  it.effect("reports when the results are full", () =>
    Effect.gen(function* () {
      const { feed, results, threads } = make({ to: 1_000_000, failing: 7 })
      yield* Effect.raceFirst(feed.run(threads), feed.whenFull)
      assert.isTrue(results.isFull())
      assert.strictEqual(results.totals().failures[0]?.seed, 7)
    }),
  )
})
