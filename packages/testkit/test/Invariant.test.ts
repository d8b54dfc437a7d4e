import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Invariant from "../src/Invariant.ts"
import { Counter, counter, failure, run } from "./run/world.ts"

describe("invariants", () => {
  it.live("are checked after every step, and name the step that violated them", () =>
    Effect.gen(function* () {
      const error = yield* failure("InvariantViolated", (sim) =>
        Effect.gen(function* () {
          const nodes = yield* sim.nodes(["a", "b"], () => counter)
          yield* Invariant.always("nobody counts beyond 4", () => (nodes.b.service(Counter)?.count ?? 0) < 5)
          yield* Effect.sleep("1 minute")
        }),
      )
      assert.strictEqual(error.invariant, "nobody counts beyond 4")
      assert.strictEqual(error.node, "b")
      assert.strictEqual(error.at, 5_000_000)
    }),
  )

  it.live("are also checked after the steps of the scenario", () =>
    Effect.gen(function* () {
      const error = yield* failure("InvariantViolated", () =>
        Effect.gen(function* () {
          let holds = true
          yield* Invariant.always("the flag", () => holds)
          yield* Effect.sleep("1 second")
          holds = false
          yield* Effect.sleep("1 second")
          holds = true
        }),
      )
      assert.strictEqual(error.at, 1_000_000)
      assert.include(error.message, "by a step of the scenario")
    }),
  )

  it.live("need not hold while the nodes stop after the end of the scenario", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => counter)
        yield* Invariant.always("a is running", () => a.state === "running")
        yield* Effect.sleep("1 second")
      }),
    ),
  )

  it.live("may be checked after the steps of some nodes only", () =>
    Effect.gen(function* () {
      let looked = 0
      yield* run((sim) =>
        Effect.gen(function* () {
          yield* sim.nodes(["a", "b"], () => counter)
          yield* Invariant.always("only a", () => ++looked > 0, { nodes: ["a"] })
          yield* Invariant.always("nobody", () => false, { nodes: ["c"] })
          yield* Effect.sleep("3500 millis")
        }),
      )
      assert.isAbove(looked, 0)
    }),
  )

  it.live("can return a description of the violation", () =>
    Effect.gen(function* () {
      const error = yield* failure("InvariantViolated", (sim) =>
        Effect.gen(function* () {
          yield* Invariant.always("order", () => "b came before a")
          yield* sim.nodes(["a"], () => counter)
        }),
      )
      assert.include(error.message, "b came before a")
    }),
  )

  it.live("that throw end the run with that error", () =>
    Effect.gen(function* () {
      const error = yield* failure("InvariantThrew", (sim) =>
        Effect.gen(function* () {
          yield* Invariant.always("broken", () => {
            throw new Error("undefined is not a node")
          })
          yield* sim.nodes(["a"], () => counter)
        }),
      )
      assert.include(error.message, "undefined is not a node")
      assert.include(error.message, "also while nodes are not running")
    }),
  )

  it.live("that must hold eventually keep the simulation running until they hold", () =>
    Effect.gen(function* () {
      const report = yield* run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Invariant.eventually("it counts to 10", () => a.service(Counter)?.count === 10, {
            within: "20 seconds",
          })
        }),
      )
      assert.isAtLeast(report.virtualSeconds, 10)
      assert.isBelow(report.virtualSeconds, 20)
    }),
  )

  it.live("that must hold eventually fail if they do not hold in time", () =>
    Effect.gen(function* () {
      const error = yield* failure("InvariantViolated", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Invariant.eventually("it counts to 10", () => a.service(Counter)?.count === 10, {
            within: "5 seconds",
          })
        }),
      )
      assert.strictEqual(error.at, 5_000_000)
      assert.include(error.message, "within 5s")
    }),
  )

  it.live("that must hold sometimes are listed in the report", () =>
    Effect.gen(function* () {
      const { marks } = yield* run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Invariant.sometimes("it counts to 3", () => a.service(Counter)?.count === 3)
          yield* Invariant.sometimes("it counts to 30", () => a.service(Counter)?.count === 30)
          yield* Invariant.sometimes("said so")
          yield* Invariant.sometimes("never said")
          yield* Invariant.reached("said so")
          yield* Effect.sleep("10 seconds")
        }),
      )
      assert.deepStrictEqual(marks, {
        "it counts to 3": true,
        "it counts to 30": false,
        "said so": true,
        "never said": false,
      })
    }),
  )
})
