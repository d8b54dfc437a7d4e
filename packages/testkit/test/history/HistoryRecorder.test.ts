import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as History from "../../src/History.ts"
import { NodeDown } from "../../src/SimulationError.ts"

describe("a history", () => {
  it.effect("contains the calls with their callers, times and outcomes", () =>
    Effect.gen(function* () {
      const history = History.make<string, number>()
      const slow = (millis: number, value: number) => Effect.delay(Effect.succeed(value), millis)
      const first = yield* Effect.forkChild(history.call("a", "one", slow(20, 1)), { startImmediately: true })
      yield* TestClock.adjust("5 millis")
      const second = yield* Effect.forkChild(history.call("b", "two", slow(5, 2)), { startImmediately: true })
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(
        history.calls().map(({ outcome, returned }) => [outcome, returned?.order]),
        [
          [{ _tag: "unknown" }, undefined],
          [{ _tag: "ok", value: 2 }, 2],
        ],
      )
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [1, 2])
      const [one, two] = history.calls()
      assert.isDefined(one)
      assert.isDefined(two)
      assert.deepStrictEqual([one?.who, one?.operation, one?.outcome], ["a", "one", { _tag: "ok", value: 1 }])
      const since = (moment: History.Moment | undefined) => (moment?.at ?? NaN) - (one?.called.at ?? NaN)
      assert.deepStrictEqual(
        [one?.called, one?.returned, two?.called, two?.returned].map((moment) => [moment?.order, since(moment)]),
        [
          [0, 0],
          [3, 20_000],
          [1, 5_000],
          [2, 10_000],
        ],
      )
    }),
  )

  it.effect("gives on what the call gives, and says `failed` only if it is sure", () =>
    Effect.gen(function* () {
      const history = History.make<string, number>()
      const down = new NodeDown({ node: "a", message: "down" })
      const failures = {
        refused: Effect.fail("refused"),
        down: Effect.fail(down),
        timeout: Effect.timeout(Effect.never, 0),
        defect: Effect.die("bug"),
        interrupt: Effect.interrupt,
        both: Effect.failCause(Cause.combine(Cause.fail("refused"), Cause.die("bug"))),
        lost: Effect.fail("lost"),
      }
      const exits: Array<string> = []
      for (const [name, effect] of Object.entries(failures)) {
        const call = history.call("c", name, effect as Effect.Effect<number, unknown>, {
          unknown: (error) => error === "lost",
        })
        const fiber = yield* Effect.forkChild(call, { startImmediately: true })
        yield* TestClock.adjust("1 millis")
        exits.push((yield* Fiber.await(fiber))._tag)
      }
      assert.deepStrictEqual(new Set(exits), new Set(["Failure"]))
      assert.deepStrictEqual(yield* Effect.exit(history.call("c", "again", failures.refused)), Exit.fail("refused"))
      assert.deepStrictEqual(
        history.calls().map(({ operation, outcome }) => [operation, outcome._tag]),
        [
          ["refused", "failed"],
          ["down", "unknown"],
          ["timeout", "unknown"],
          ["defect", "unknown"],
          ["interrupt", "unknown"],
          ["both", "unknown"],
          ["lost", "unknown"],
          ["again", "failed"],
        ],
      )
      assert.isTrue(history.calls().every(({ returned }) => returned !== undefined))
    }),
  )

  it.effect("contains the notes with their observers and times", () =>
    Effect.gen(function* () {
      const history = History.make<never, never, string>()
      yield* history.note("a", "x")
      yield* TestClock.adjust("3 millis")
      yield* history.note("b", "y")
      history.noteAt("c", "z", 7)
      const notes = history.notes()
      assert.deepStrictEqual(
        notes.map(({ moment, value, who }) => [who, value, moment.order]),
        [
          ["a", "x", 0],
          ["b", "y", 1],
          ["c", "z", 2],
        ],
      )
      assert.strictEqual((notes[1]?.moment.at ?? 0) - (notes[0]?.moment.at ?? 0), 3_000)
      assert.strictEqual(notes[2]?.moment.at, 7)
      yield* history.note("a", "later")
      assert.strictEqual(notes.length, 3)
    }),
  )

  it("keeps only the first end of a manually recorded call", () => {
    const history = History.make<string, number>()
    const one = history.invoke("a", "one", 10)
    const two = history.invoke("a", "two", 20)
    two.failed("no", 30)
    one.ok(1, 40)
    one.unknown(50)
    two.ok(2, 60)
    history.invoke("a", "three", 70).unknown(80)
    assert.deepStrictEqual(
      history.calls().map(({ called, outcome, returned }) => [called.at, outcome, returned?.at]),
      [
        [10, { _tag: "ok", value: 1 }, 40],
        [20, { _tag: "failed", error: "no" }, 30],
        [70, { _tag: "unknown" }, 80],
      ],
    )
  })
})
