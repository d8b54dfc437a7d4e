import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Artifact from "../src/Artifact.ts"
import type * as FaultPlan from "../src/FaultPlan.ts"
import * as Invariant from "../src/Invariant.ts"
import * as Simulation from "../src/Simulation.ts"
import { ScenarioFailed } from "../src/SimulationError.ts"
import * as Swarm from "../src/Swarm.ts"
import { Counter, counter } from "./run/world.ts"

const scenario = (body: Simulation.Scenario["body"], options: Simulation.Options = {}) =>
  Simulation.scenario("a swarm", options, body)

/** Makes a scenario that fails with the given seeds. */
const failing = (...seeds: ReadonlyArray<number>) =>
  scenario((sim) =>
    seeds.includes(sim.seed)
      ? Effect.fail(new Error(`seed ${sim.seed}`))
      : Effect.andThen(Random.next, Effect.sleep("1 second")),
  )

const faults: FaultPlan.Input = {
  swarm: { off: 0, faults: { crash: { perMinute: 12 }, partition: { perMinute: 12 }, clock: { perMinute: 12 } } },
}

/** Scenario that fails with the second crash of a, whatever other faults occur. */
const fragile = scenario(
  (sim) =>
    Effect.gen(function* () {
      const { a } = yield* sim.nodes(["a", "b", "c"], () => counter)
      yield* Invariant.always("a has two lives", () => a.lives < 3)
      yield* Effect.sleep("2 minutes")
    }),
  { faults },
)

describe("A swarm", () => {
  it.live("runs all of its seeds and reports each", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      const { failures, seeds } = yield* Swarm.run(failing(3, 5), [1, 2, 3, 4, 5, 6], {
        onResult: ({ seed }) => told.push(seed),
      })
      assert.strictEqual(seeds, 6)
      assert.deepStrictEqual(told, [1, 2, 3, 4, 5, 6])
      assert.deepStrictEqual(
        failures.map(({ artifact, failure }) => [artifact.seed, failure._tag]),
        [
          [3, "ScenarioFailed"],
          [5, "ScenarioFailed"],
        ],
      )
    }),
  )

  it.live("ends after the given number of failures", () =>
    Effect.gen(function* () {
      for (const [stopAfter, expected] of [
        [1, 3],
        [2, 5],
        [3, 6],
      ] as const) {
        assert.strictEqual((yield* Swarm.run(failing(3, 5), [1, 2, 3, 4, 5, 6], { stopAfter })).seeds, expected)
      }
    }),
  )

  it.live("gives the same result every time, and another result with other seeds", () =>
    Effect.gen(function* () {
      const quiet = scenario(
        (sim) =>
          Effect.andThen(
            sim.nodes(["a", "b", "c"], () => counter),
            Effect.sleep("20 seconds"),
          ),
        { faults },
      )
      const first = yield* Swarm.run(quiet, [1, 2, 3, 4])
      assert.deepStrictEqual(yield* Swarm.run(quiet, [1, 2, 3, 4]), first)
      assert.notStrictEqual((yield* Swarm.run(quiet, [1, 2, 3, 5])).traceHash, first.traceHash)
    }),
  )

  it.live("repeats the first seed of a strict scenario at the end, and reports a different run", () =>
    Effect.gen(function* () {
      const seeds: Array<number> = []
      const counting = (options: Simulation.Options, step: number) => {
        let runs = 0
        return scenario((sim) => {
          seeds.push(sim.seed)
          return Effect.sleep((runs += step))
        }, options)
      }
      assert.deepStrictEqual((yield* Swarm.run(counting({ strict: true }, 0), [4, 5, 6])).failures, [])
      assert.deepStrictEqual(seeds.splice(0), [4, 5, 6, 4])
      const { failures, seeds: total } = yield* Swarm.run(counting({ strict: true }, 1), [4, 5, 6])
      assert.deepStrictEqual(
        failures.map(({ artifact, failure }) => [artifact.seed, failure._tag]),
        [[4, "NonDeterministic"]],
      )
      assert.include(failures[0]?.failure.message, "gave another run after other seeds than before them")
      assert.include(failures[0]?.failure.message, "a variable of a module")
      assert.include(failures[0]?.failure.message, "--isolate")
      assert.strictEqual(total, 3)
      // A single seed is not compared, and neither is a scenario that is not strict.
      seeds.splice(0)
      yield* Swarm.run(counting({ strict: true }, 1), [4])
      yield* Swarm.run(counting({}, 1), [4, 5])
      assert.deepStrictEqual(seeds, [4, 4, 5])
    }),
  )

  it("runs seeds in all three orders, unless an option sets the order", () => {
    const orders = (options: Simulation.Options, how?: Swarm.SeedOptions) =>
      new Set(
        Array.from({ length: 9 }, (_, seed) =>
          Swarm.exploreOf(
            scenario(() => Effect.void, options),
            seed,
            how,
          ),
        ),
      )
    assert.strictEqual(orders({}).size, 3)
    assert.deepStrictEqual([...orders({ explore: "random" })], ["random"])
    assert.deepStrictEqual([...orders({ explore: "random" }, { explore: "preempt" })], ["preempt"])
  })
})

describe("A seed that fails", () => {
  it.live("is shrunk to the necessary faults, which replay to the same hash and the same failure", () =>
    Effect.gen(function* () {
      for (const seed of [1, 2, 3]) {
        const { found } = yield* Swarm.runSeed(fragile, seed)
        assert.isDefined(found)
        if (found === undefined) return
        const { artifact, failure, trace } = found
        assert.deepStrictEqual(
          artifact.timeline.map((fault) => [fault.kind, "node" in fault ? fault.node : ""]),
          [
            ["crash", "a"],
            ["crash", "a"],
          ],
        )
        assert.deepStrictEqual(artifact.deviations, {})
        assert.strictEqual(artifact.sentences?.length, 2)
        assert.isAbove(artifact.shrunk?.from.faults ?? 0, 2)
        const { explore, network, timeline, deviations } = artifact
        const again = yield* Simulation.outcome(fragile, {
          seed,
          explore,
          replay: { network, timeline, deviations },
        })
        assert.strictEqual(again.report.traceHash, artifact.traceHash)
        assert.deepStrictEqual(again.failure, failure)
        assert.strictEqual(trace.events.at(-1)?._tag, "Failed")
        assert.strictEqual(artifact.fingerprint, Swarm.fingerprint(fragile))
        // The artifact is the same after encoding and decoding.
        const read = yield* Effect.fromResult(Artifact.decode(Artifact.encode(artifact)))
        assert.strictEqual(read.traceHash, artifact.traceHash)
        assert.deepStrictEqual(read.timeline, timeline)
      }
    }),
  )

  it.live("is kept as it was without shrinking", () =>
    Effect.gen(function* () {
      const { found, traceHash } = yield* Swarm.runSeed(fragile, 1, { shrink: false })
      assert.strictEqual(found?.artifact.traceHash, traceHash)
      assert.isUndefined(found?.artifact.shrunk)
      assert.isAbove(found?.artifact.timeline.length ?? 0, 2)
    }),
  )

  it.live("is reported from its only run if it may run only once", () =>
    Effect.gen(function* () {
      let runs = 0
      const { found, traceHash } = yield* Swarm.runSeed(
        scenario(() => Effect.fail(new Error(`run ${++runs}`))),
        1,
        { once: true },
      )
      assert.strictEqual(runs, 1)
      assert.strictEqual(found?.failure._tag, "ScenarioFailed")
      assert.strictEqual(found?.artifact.traceHash, traceHash)
      assert.isUndefined(found?.artifact.shrunk)
      assert.strictEqual(found?.trace.events.at(-1)?._tag, "Failed")
    }),
  )

  it.live("and differs when it is repeated is reported as not deterministic, whatever its failure", () =>
    Effect.gen(function* () {
      let runs = 0
      const leftOver = scenario((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Effect.sleep(++runs * 1000)
          return yield* Effect.fail(new Error(`a counted to ${a.service(Counter)?.count}`))
        }),
      )
      const { found } = yield* Swarm.runSeed(leftOver, 1)
      assert.strictEqual(found?.failure._tag, "NonDeterministic")
      assert.include(found?.failure.message ?? "", "a variable of a module")
    }),
  )

  it.live("and fails in another way when it is repeated is also reported as not deterministic", () =>
    Effect.gen(function* () {
      let runs = 0
      const { found } = yield* Swarm.runSeed(
        scenario(() => (++runs === 1 ? Effect.fail(new Error("only once")) : Effect.void)),
        1,
      )
      assert.strictEqual(found?.failure._tag, "NonDeterministic")
    }),
  )
})

describe("The fingerprint of a scenario", () => {
  it("changes with the name and the options, and not with the body", () => {
    const body = () => Effect.void
    const of = (name: string, options: Simulation.Options) =>
      Swarm.fingerprint(Simulation.scenario(name, options, body))
    const first = of("x", { timeLimit: "1 minute" })
    assert.strictEqual(
      Swarm.fingerprint(Simulation.scenario("x", { timeLimit: "1 minute" }, () => Effect.never)),
      first,
    )
    assert.strictEqual(of("x", { timeLimit: "1 minute", describe: () => () => [] }), first)
    const others = [
      of("y", { timeLimit: "1 minute" }),
      of("x", { timeLimit: "2 minutes" }),
      of("x", {}),
      of("x", { faults }),
    ]
    assert.strictEqual(new Set([first, ...others]).size, 5)
    // A duration may be a bigint of nanoseconds.
    assert.notStrictEqual(of("x", { timeLimit: 5n }), of("x", { timeLimit: 6n }))
  })
})

describe("The same check", () => {
  const failed = new ScenarioFailed({ at: 1, message: "one", cause: "x" })
  it("depends on the name of the failure, and not on its time and message", () => {
    assert.isTrue(Swarm.sameCheck(failed, new ScenarioFailed({ at: 2, message: "two", cause: "y" })))
    assert.isFalse(Swarm.sameCheck(failed, undefined))
  })
})
