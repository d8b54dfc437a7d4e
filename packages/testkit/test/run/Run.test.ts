import { readFile } from "node:fs/promises"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Simulation from "../../src/Simulation.ts"
import { counter, failure, run } from "./world.ts"

describe("the failures of a run", () => {
  it.live("Stalled: nodes that wait for each other", () =>
    Effect.gen(function* () {
      const error = yield* failure("Stalled", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => Layer.empty)
          const never = yield* Deferred.make<void>()
          yield* a.run(Deferred.await(never))
        }),
      )
      assert.include(error.message, "the scenario (1 fiber), a (1 fiber)")
    }),
  )

  it.live("Stalled: a scenario that waits for something outside of the simulation", () =>
    Effect.gen(function* () {
      const error = yield* failure("Stalled", () => Effect.promise(() => readFile("/etc/hosts")))
      assert.include(error.message, "something real")
    }),
  )

  it.live("Livelock: a loop in which no time passes", () =>
    Effect.gen(function* () {
      const error = yield* failure(
        "Livelock",
        (sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => Layer.effectDiscard(Effect.forkScoped(Effect.forever(Effect.yieldNow)))),
            Effect.sleep("1 second"),
          ),
        { stepsPerInstant: 1_000 },
      )
      assert.strictEqual(error.node, "a")
    }),
  )

  it.live("TimeLimit: a scenario that does not end in time", () =>
    Effect.gen(function* () {
      const error = yield* failure("TimeLimit", () => Effect.forever(Effect.sleep("1 second")), {
        timeLimit: "1 minute",
      })
      assert.strictEqual(error.at, 60_000_000)
    }),
  )

  it.live("ScenarioFailed: an assertion, with its cause", () =>
    Effect.gen(function* () {
      const error = yield* failure("ScenarioFailed", () =>
        Effect.sync(() => assert.strictEqual(1, 2, "one is not two")),
      )
      assert.include(error.message, "one is not two")
      assert.instanceOf(error.cause, Error)
    }),
  )

  it.live("ScenarioFailed: a forked fiber that dies unobserved", () =>
    Effect.gen(function* () {
      const error = yield* failure("ScenarioFailed", () =>
        Effect.andThen(
          Effect.forkScoped(
            Effect.andThen(
              Effect.sleep("1 second"),
              Effect.sync(() => assert.fail("not as expected")),
            ),
          ),
          Effect.sleep("3 seconds"),
        ),
      )
      assert.strictEqual(error.at, 1_000_000)
      assert.include(error.message, "not as expected")
    }),
  )

  it.live("Escaped: time and chance of the platform in strict mode, with the line of the use", () =>
    Effect.gen(function* () {
      for (const [what, use] of [
        ["Date", () => Date.now()],
        ["Math.random", () => Math.random()],
        ["setTimeout", () => Number(setTimeout(() => undefined, 1))],
      ] as const) {
        const error = yield* failure(
          "Escaped",
          (sim) => sim.nodes(["a"], () => Layer.effectDiscard(Effect.sync(use))),
          { strict: true },
        )
        assert.strictEqual(error.what, what)
        assert.include(error.site, "Run.test.ts")
        assert.strictEqual(error.node, "a")
      }
    }),
  )

  it.live("nothing escapes from Effect's own modules in strict mode", () =>
    run(
      (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* a.run(Effect.withSpan(Effect.log("hello"), "a span"))
          yield* a.run(Effect.timeout(Effect.sleep("1 second"), "2 seconds"))
          yield* Random.shuffle([1, 2, 3])
        }),
      { strict: true },
    ),
  )

  it.live("NodeDied: a layer whose build fails, with its cause", () =>
    Effect.gen(function* () {
      const error = yield* failure("NodeDied", (sim) =>
        sim.nodes(["a"], () => Layer.effectDiscard(Effect.fail(new Error("no such table")))),
      )
      assert.strictEqual(error.node, "a")
      assert.include(error.message, "no such table")
    }),
  )

  it.live("NodeDied: a finalizer that fails", () =>
    Effect.gen(function* () {
      const error = yield* failure("NodeDied", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () =>
            Layer.effectDiscard(Effect.acquireRelease(Effect.void, () => Effect.die(new Error("cannot close")))),
          )
          yield* a.stop
        }),
      )
      assert.include(error.message, "cannot close")
    }),
  )

  it.live("a stopped node that leaves a fiber behind", () =>
    Effect.gen(function* () {
      const leak = Layer.effectDiscard(Effect.forkDetach(Effect.forever(Effect.sleep("1 second"))))
      const error = yield* failure("InvariantViolated", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => leak)
          yield* a.stop
        }),
      )
      assert.include(error.message, "1 fiber, 1 timer")
      yield* run((sim) => sim.nodes(["a"], () => leak), { leaks: false })
    }),
  )

  it.live("leaks of a stopped node end with its process if leaks are allowed", () =>
    Effect.gen(function* () {
      let count = 0
      const tick = Effect.andThen(
        Effect.sleep("1 second"),
        Effect.sync(() => count++),
      )
      yield* run(
        (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => Layer.effectDiscard(Effect.forkDetach(Effect.forever(tick))))
            yield* Effect.sleep("2500 millis")
            yield* a.stop
            yield* Effect.sleep("10 seconds")
          }),
        { leaks: false },
      )
      assert.strictEqual(count, 2)
    }),
  )
})

const misuse = (body: Simulation.Scenario["body"], options?: Simulation.Options) =>
  failure("SimulationError", body, options)

describe("a run refuses", () => {
  it.live("an invalid time limit and an unknown order", () =>
    Effect.gen(function* () {
      // As a caller without types could write it.
      const options: object = { timeLimit: "soon" }
      assert.include((yield* misuse(() => Effect.void, options)).message, "timeLimit: soon is not a duration")
      const order: object = { explore: "rnd" }
      assert.include((yield* misuse(() => Effect.void, order)).message, '"rnd" is not an order')
    }),
  )

  it.live("an invalid seed", () =>
    Effect.gen(function* () {
      for (const seed of [-1, 1.5, Number.NaN]) {
        const error = yield* Effect.flip(run(() => Effect.void, {}, { seed }))
        assert.strictEqual(error._tag, "SimulationError")
      }
    }),
  )
})
