import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Invariant from "../../src/Invariant.ts"
import { at, Counter, counter, failure, run, under } from "./world.ts"

describe("Checks", () => {
  describe("until", () => {
    it.live("continues when the scenario itself makes the condition true", () =>
      run((sim) =>
        Effect.gen(function* () {
          let ready = false
          const waiting = yield* Effect.forkChild(sim.until("it is ready", () => ready))
          yield* Effect.sleep("3 seconds")
          ready = true
          yield* Fiber.join(waiting)
          assert.strictEqual(sim.now(), 3_000_000)
        }),
      ),
    )

    it.live("continues at the instant at which a fault makes the condition true", () =>
      under([{ kind: "crash", at: "5 seconds", for: "10 seconds", node: "a" }], (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* sim.until("a is down", () => a.state === "crashed")
          assert.strictEqual(sim.now(), 5_000_000)
          yield* sim.until("a is back", () => a.state === "running")
          assert.strictEqual(sim.now(), 15_000_000)
        }),
      ),
    )

    it.live("continues at once if the condition holds already", () =>
      run((sim) =>
        Effect.gen(function* () {
          yield* sim.until("at once", () => true)
          assert.strictEqual(sim.now(), 0)
        }),
      ),
    )

    it.live("of a predicate that throws fails with the name of the condition", () =>
      Effect.gen(function* () {
        const error = yield* failure("InvariantThrew", (sim) =>
          sim.until("somebody leads", () => {
            throw new Error("no node yet")
          }),
        )
        assert.include(error.message, 'the invariant "somebody leads" threw')
        assert.include(error.message, "no node yet")
      }),
    )
  })

  describe("until with a bound", () => {
    it.live("fails with its name, its time limit and its last result if the error is not caught", () =>
      Effect.gen(function* () {
        const error = yield* failure("NotReached", (sim) =>
          Effect.gen(function* () {
            const { b } = yield* sim.nodes(["a", "b"], () => counter)
            yield* Effect.sleep("1 second")
            yield* b.crash
            let looks = 0
            yield* sim.until("two count", () => `${looks++ < 0 ? "" : "b"} does not count`, { within: "7 seconds" })
          }),
        )
        assert.strictEqual(error.at, 8_000_000)
        assert.strictEqual(error.condition, "two count")
        assert.strictEqual(error.seen, "b does not count")
        assert.include(error.message, '"two count" did not hold within 7s from 1.000 s: b does not count')
        assert.include(error.message, "(b has crashed)")
      }),
    )

    it.live("fails with an error that the scenario can handle, and the run continues", () =>
      run((sim) =>
        Effect.gen(function* () {
          const caught = yield* sim
            .until("never", () => false, { within: "3 seconds" })
            .pipe(
              Effect.as("held"),
              Effect.catchTag("NotReached", ({ condition, seen }) => Effect.succeed(`${condition}: ${seen}`)),
            )
          assert.strictEqual(caught, "never: it does not hold")
          assert.strictEqual(sim.now(), 3_000_000)
        }),
      ),
    )

    it.live("includes the last instant, and waits one minute by default", () =>
      run((sim) =>
        Effect.gen(function* () {
          yield* sim.until("five seconds have passed", () => sim.now() >= 5_000_000, { within: "5 seconds" })
          yield* Effect.flip(sim.until("never", () => false))
          assert.strictEqual(sim.now(), 65_000_000)
        }),
      ),
    )
  })

  describe("eventually", () => {
    it.live("is content when it holds at the very last instant", () =>
      run((sim) =>
        Effect.gen(function* () {
          yield* Invariant.eventually("late", () => sim.now() >= 5_000_000, { within: "5 seconds" })
          yield* Effect.sleep("1 minute")
        }),
      ),
    )

    it.live("that throws at its time limit fails with that error", () =>
      Effect.gen(function* () {
        const error = yield* failure("InvariantThrew", (sim) =>
          Effect.gen(function* () {
            yield* Invariant.eventually(
              "broken",
              () => {
                if (sim.now() >= 5_000_000) throw new Error("too late")
                return false
              },
              { within: "5 seconds" },
            )
            yield* Effect.sleep("1 minute")
          }),
        )
        assert.strictEqual(error.invariant, "broken")
        assert.strictEqual(error.at, 5_000_000)
      }),
    )

    it.live("fails with the reason, the time limit and the start", () =>
      Effect.gen(function* () {
        const error = yield* failure("InvariantViolated", () =>
          Effect.gen(function* () {
            yield* Effect.sleep("2 seconds")
            yield* Invariant.eventually("a leader", () => "nobody leads", { within: "3 seconds" })
            yield* Invariant.eventually("holds already", () => true, { within: "1 seconds" })
          }),
        )
        assert.strictEqual(error.invariant, "a leader")
        assert.strictEqual(error.message, '"a leader" did not hold within 3s from 2.000 s: nobody leads')
      }),
    )
  })

  describe("converges", () => {
    it.live("is content when it holds at the very last instant", () =>
      run((sim) =>
        Effect.gen(function* () {
          yield* sim.nodes(["a"], () => counter)
          yield* sim.converges(() => sim.now() >= 5_000_000, { within: "5 seconds" })
        }),
      ),
    )

    it.live("of a predicate that throws only at the end fails with that error", () =>
      Effect.gen(function* () {
        const error = yield* failure("InvariantThrew", (sim) =>
          sim.converges(
            () => {
              if (sim.now() > 0) throw new Error("no view")
              return false
            },
            { within: "5 seconds" },
          ),
        )
        assert.include(error.message, "no view")
      }),
    )
  })

  describe("always", () => {
    it.live("is checked from its registration on", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Effect.sleep("3500 millis")
          yield* Invariant.always("at least three", () => (a.service(Counter)?.count ?? 3) >= 3)
          yield* Effect.sleep("3 seconds")
        }),
      ),
    )

    it.live("ends the run at the step of its violation, and the first failure counts", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const error = yield* failure("InvariantViolated", (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            yield* Invariant.always("first", () => a.service(Counter)?.count !== 2)
            yield* Invariant.always("second", () => a.service(Counter)?.count !== 2)
            yield* Effect.sleep("2 seconds")
            yield* Effect.sleep("1 millis")
            seen.push("went on")
          }),
        )
        assert.deepStrictEqual([error.invariant, error.at], ["first", 2_000_000])
        assert.deepStrictEqual(seen, [])
      }),
    )
  })

  it.live("sometimes: a condition that held once is not checked again", () =>
    Effect.gen(function* () {
      let asked = 0
      const { marks } = yield* run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Invariant.sometimes("two", () => ++asked > 0 && a.service(Counter)?.count === 2)
          yield* at(sim, 2.5)
          const before = asked
          yield* at(sim, 10)
          assert.strictEqual(asked, before)
        }),
      )
      assert.deepStrictEqual(marks, { two: true })
    }),
  )
})
