import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type { Fault } from "../../src/FaultPlan.ts"
import * as Shrink from "../../src/Shrink.ts"
import { SimulationError } from "../../src/SimulationError.ts"
import {
  type Attempt,
  deviations,
  drawsOf,
  faultsOf,
  itemsOf,
  keyOf,
  many,
  needs,
  seconds,
  type Tester,
  tester,
  timeline,
  without,
} from "./attempts.ts"

describe("shrinking", () => {
  it.effect("keeps the two faults and the draw that the failure needs, of 22 and 14, in fewer than 40 runs", () =>
    Effect.gen(function* () {
      const fails = needs("pause 7", "reset 3", "loss a>b #2")
      assert.isTrue(fails(many))
      const { failed, given, test } = tester(fails)
      const { attempt, from, minimal, runs } = yield* Shrink.shrink(many, { test })
      assert.deepStrictEqual(itemsOf(attempt), ["reset 3", "pause 7", "loss a>b #2"])
      assert.deepStrictEqual(from, { faults: 22, draws: 14 })
      assert.isTrue(minimal)
      assert.strictEqual(runs, given.length)
      const small =
        failed.find((executed) => itemsOf(executed).length === 3) ?? assert.fail("no attempt with 3 items failed")
      const until = given.findIndex((attempt) => keyOf(attempt) === keyOf(small)) + 1
      assert.isBelow(until, 40)
      assert.isBelow(runs, 50)
    }),
  )

  it.effect("finds in one run that a failure needs nothing", () =>
    Effect.gen(function* () {
      const { given, test } = tester(() => true)
      const shrunk = yield* Shrink.shrink(many, { test })
      assert.deepStrictEqual(shrunk.attempt, { timeline: [], deviations: {} })
      assert.deepStrictEqual(shrunk.sentences, [])
      assert.strictEqual(given.length, 1)
      assert.isTrue(shrunk.minimal)
    }),
  )

  it.effect("first tries to leave out all draws, or all faults", () =>
    Effect.gen(function* () {
      const { given, test } = tester(() => false)
      yield* Shrink.shrink(many, { test, maxRuns: 3 })
      assert.deepStrictEqual(given, [
        { timeline: [], deviations: {} },
        { timeline: [], deviations: many.deviations },
        { timeline: many.timeline, deviations: {} },
      ])
    }),
  )

  it.effect("leaves out whole kinds of draws, then of faults, then streams, before single ones", () =>
    Effect.gen(function* () {
      const { given, test } = tester(() => false)
      yield* Shrink.shrink(many, { test })
      const index = (description: string, isIt: (attempt: Attempt) => boolean): number => {
        const found = given.findIndex(isIt)
        assert.isAtLeast(found, 0, `was never tried: ${description}`)
        return found
      }
      const draws = (attempt: Attempt) => drawsOf(attempt).length
      const faults = (attempt: Attempt) => attempt.timeline.length
      const order = [
        index(
          "no loss",
          (attempt) => drawsOf(attempt).every((draw) => !draw.startsWith("loss")) && draws(attempt) === 6,
        ),
        index(
          "no pause",
          (attempt) => faultsOf(attempt).every((fault) => !fault.startsWith("pause")) && faults(attempt) === 18,
        ),
        index("no loss a>b", (attempt) => !("loss a>b" in attempt.deviations) && draws(attempt) === 11),
        index("one fault less", (attempt) => faults(attempt) === 21),
        index("one draw less", (attempt) => draws(attempt) === 13),
      ]
      assert.deepStrictEqual(
        order,
        order.toSorted((a, b) => a - b),
      )
    }),
  )

  it.effect("leaves out draws of the same time over all streams", () =>
    Effect.gen(function* () {
      const { given, test } = tester(() => false)
      const regular = Object.fromEntries(["loss a>b", "loss b>a"].map((stream) => [stream, { 0: 1, 1: 1, 2: 1, 3: 1 }]))
      yield* Shrink.shrink({ timeline: [], deviations: regular }, { test })
      const late = { "loss a>b": { 2: 1, 3: 1 }, "loss b>a": { 2: 1, 3: 1 } }
      assert.isTrue(given.some((attempt) => keyOf(attempt) === keyOf({ timeline: [], deviations: late })))
    }),
  )

  it.effect("finds neighbours that can only be left out together", () =>
    Effect.gen(function* () {
      // The second loss cancels the effect of the first.
      const fails = (attempt: Attempt) =>
        needs("loss a>b #2")(attempt) && needs("loss a>b #0")(attempt) === needs("loss a>b #1")(attempt)
      const { test } = tester(fails)
      const { attempt } = yield* Shrink.shrink(many, { test })
      assert.deepStrictEqual(itemsOf(attempt), ["loss a>b #2"])
    }),
  )

  it.effect("continues from the executed items", () =>
    Effect.gen(function* () {
      // The run ends at the last necessary fault, and without the crash there are no losses.
      const execute = (given: Attempt): Attempt => ({
        timeline: given.timeline.filter(({ at }) => at <= seconds(7)),
        deviations: faultsOf(given).includes("crash 5")
          ? given.deviations
          : Object.fromEntries(Object.entries(given.deviations).filter(([stream]) => !stream.startsWith("loss"))),
      })
      const fails = needs("pause 7", "pick #1")
      const { given, test } = tester(fails, execute)
      const { attempt } = yield* Shrink.shrink(many, { test })
      assert.deepStrictEqual(itemsOf(attempt), ["pause 7", "pick #1"])
      // Items that were not executed once are not tried again.
      const later = given.slice(given.findIndex((attempt) => fails(execute(attempt))) + 1)
      assert.isAbove(later.length, 0)
      for (const attempt of later) assert.isTrue(attempt.timeline.every(({ at }) => at <= seconds(7)))
    }),
  )

  it.effect("ends with an executed attempt if a run executes more than the given items", () =>
    Effect.gen(function* () {
      const more = (given: Attempt): Attempt => ({
        ...given,
        deviations: { ...given.deviations, "delay z>z": { 0: 5, 1: 7, 2: 9, 3: 1 } },
      })
      const { failed, test } = tester(needs("crash 5"), more)
      const { attempt, minimal } = yield* Shrink.shrink({ timeline: timeline(8), deviations: {} }, { test })
      assert.isTrue(minimal)
      assert.isBelow(itemsOf(attempt).length, 8)
      assert.isTrue(failed.some((executed) => keyOf(executed) === keyOf(attempt)))
    }),
  )

  it.effect("keeps its attempt if a larger one was executed instead", () =>
    Effect.gen(function* () {
      const more = (given: Attempt): Attempt => ({ ...given, deviations: { pick: { 0: 5, 1: 7, 2: 9, 3: 1 } } })
      const start = { timeline: timeline(6).filter(({ at }) => at >= seconds(4)), deviations: {} }
      const { failed, test } = tester(needs("crash 5"), more)
      const { attempt } = yield* Shrink.shrink(start, { test })
      assert.isAbove(failed.length, 0)
      assert.deepStrictEqual(attempt, start)
    }),
  )

  it.effect("stops at the limit of runs, with the smallest failed attempt so far", () =>
    Effect.gen(function* () {
      const fails = needs("pause 7", "reset 3", "loss a>b #2")
      for (const maxRuns of [0, 1, 5, 12]) {
        const { given, test } = tester(fails)
        const { attempt, minimal, runs } = yield* Shrink.shrink(many, { test, maxRuns })
        assert.strictEqual(given.length, maxRuns)
        assert.strictEqual(runs, maxRuns)
        assert.isFalse(minimal)
        assert.isTrue(fails(attempt))
      }
    }),
  )

  it.effect("is minimal if the last allowed run was the last necessary run", () =>
    Effect.gen(function* () {
      const fails = needs("reset 3", "loss a>b #2")
      const { runs } = yield* Shrink.shrink(many, tester(fails))
      const exactly = yield* Shrink.shrink(many, { ...tester(fails), maxRuns: runs })
      assert.isTrue(exactly.minimal)
      const short = yield* Shrink.shrink(many, { ...tester(fails), maxRuns: runs - 1 })
      assert.isFalse(short.minimal)
    }),
  )

  it.effect("can be interrupted between runs", () =>
    Effect.gen(function* () {
      const { given, test } = tester(needs("pause 7"))
      const shrinking = yield* Effect.forkChild(Shrink.shrink(many, { test }))
      while (given.length < 3) yield* Effect.yieldNow
      yield* Fiber.interrupt(shrinking)
      assert.isBelow(given.length, 5)
    }),
  )

  it.effect("fails if a run is impossible", () =>
    Effect.gen(function* () {
      const misuse = new SimulationError({ reason: "plan", message: "there is no such node" })
      const error = yield* Effect.flip(Shrink.shrink(many, { test: () => Effect.fail(misuse) }))
      assert.strictEqual(error, misuse)
    }),
  )
})

/** Shrinks one fault or draw. The failure needs the predicate to hold. */
const milder = (start: Attempt, fails: (attempt: Attempt) => boolean) =>
  Effect.map(Shrink.shrink(start, tester(fails)), ({ attempt }) => attempt)

const onlyFault = (fault: Fault, fails: (fault: Fault) => boolean) =>
  Effect.map(
    milder({ timeline: [fault], deviations: {} }, ({ timeline }) => timeline.some(fails)),
    ({ timeline }) => timeline[0],
  )

const onlyDraw = (stream: string, value: number, fails: (value: number) => boolean) =>
  Effect.map(
    milder({ timeline: [], deviations: { [stream]: { 4: value } } }, ({ deviations }) =>
      fails(deviations[stream]?.[4] ?? 0),
    ),
    ({ deviations }) => deviations[stream]?.[4],
  )

describe("the remaining items are made milder", () => {
  it.effect("a fault has the shortest necessary time, in readable units", () =>
    Effect.gen(function* () {
      const pause = { kind: "pause", at: 12, for: 13_482_731, node: "a" } as const
      const atLeast = (least: number) => (fault: Fault) => "for" in fault && fault.for >= least
      assert.deepStrictEqual(yield* onlyFault(pause, atLeast(seconds(3))), { ...pause, for: 3_300_000 })
      assert.deepStrictEqual(yield* onlyFault(pause, atLeast(seconds(8))), { ...pause, for: seconds(13) })
      assert.deepStrictEqual(yield* onlyFault(pause, atLeast(13_482_731)), pause)
      assert.deepStrictEqual(yield* onlyFault(pause, atLeast(0)), { ...pause, for: 1000 })
      const short = { ...pause, for: 700 }
      assert.deepStrictEqual(yield* onlyFault(short, atLeast(0)), short)
    }),
  )

  it.effect("a partition has the fewest necessary nodes", () =>
    Effect.gen(function* () {
      const nodes = ["a", "b", "c", "d", "e", "f", "g"]
      const partition = { kind: "partition", at: 0, for: 1000, from: nodes, to: ["v", "w", "x"] } as const
      const cuts = (fault: Fault) =>
        fault.kind === "partition" && fault.from.includes("b") && fault.from.includes("g") && fault.to.includes("w")
      assert.deepStrictEqual(yield* onlyFault(partition, cuts), { ...partition, from: ["b", "g"], to: ["w"] })
    }),
  )

  it.effect("a partition always has some nodes on each side", () =>
    Effect.gen(function* () {
      const partition = { kind: "partition", at: 0, for: 1000, from: ["a", "b", "c"], to: ["d", "e"] } as const
      const { given, test } = tester(({ timeline }) => timeline.length > 0)
      const { attempt } = yield* Shrink.shrink({ timeline: [partition], deviations: {} }, { test })
      const sides = ({ timeline }: Attempt) =>
        timeline.flatMap((fault) => (fault.kind === "partition" ? [fault.from.length, fault.to.length] : []))
      assert.deepStrictEqual(sides(attempt), [1, 1])
      assert.notInclude(given.flatMap(sides), 0)
    }),
  )

  it.effect("a power loss becomes a crash of the process", () =>
    Effect.gen(function* () {
      const crash = { kind: "crash", at: 0, for: 1000, node: "a" } as const
      const silent = { ...crash, silent: true }
      assert.deepStrictEqual(yield* onlyFault(silent, () => true), crash)
      assert.deepStrictEqual(yield* onlyFault(silent, (fault) => "silent" in fault), silent)
    }),
  )

  it.effect("a clock has a smaller error in the same direction", () =>
    Effect.gen(function* () {
      const clock = { kind: "clock", at: 0, node: "a", by: seconds(-8) } as const
      const back = (fault: Fault) => fault.kind === "clock" && fault.by <= -seconds(3)
      assert.deepStrictEqual(yield* onlyFault(clock, back), { ...clock, by: -seconds(4) })
      const drift = { kind: "drift", at: 0, node: "a", ppm: 481.25 } as const
      const fast = (fault: Fault) => fault.kind === "drift" && fault.ppm >= 100
      assert.deepStrictEqual(yield* onlyFault(drift, fast), { ...drift, ppm: 120 })
    }),
  )

  it.effect("a slow node becomes less slow", () =>
    Effect.gen(function* () {
      const slow = { kind: "slow", at: 0, for: 1000, node: "a", task: 800_000 } as const
      const least = (fault: Fault) => fault.kind === "slow" && fault.task >= 60_000
      assert.deepStrictEqual(yield* onlyFault(slow, least), { ...slow, task: 100_000 })
    }),
  )

  it.effect("a swizzle has fewer nodes and a shorter time, and ends with the last of them", () =>
    Effect.gen(function* () {
      const swizzle = {
        kind: "swizzle",
        at: 0,
        for: seconds(40),
        nodes: [
          { node: "a", from: 0, to: seconds(20) },
          { node: "b", from: seconds(5), to: seconds(25) },
          { node: "c", from: seconds(10), to: seconds(40) },
        ],
      } as const
      const b = (fault: Fault) =>
        fault.kind === "swizzle" && fault.nodes.some(({ from, node, to }) => node === "b" && to - from >= seconds(4))
      assert.deepStrictEqual(yield* onlyFault(swizzle, b), {
        ...swizzle,
        for: seconds(10),
        nodes: [{ node: "b", from: seconds(5), to: seconds(10) }],
      })
    }),
  )

  it.effect("a draw becomes 1, or as small as possible", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* onlyDraw("delay a>b", 300_000, (value) => value > 0), 1)
      assert.strictEqual(yield* onlyDraw("delay a>b", 300_000, (value) => value >= 100), 130)
      assert.strictEqual(yield* onlyDraw("loss a>b", 3, (value) => value >= 3), 3)
    }),
  )

  it.effect("a limit stays, because a smaller limit is worse", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* onlyDraw("bandwidth a>b", 10_000, (value) => value > 0), 10_000)
      assert.strictEqual(yield* onlyDraw("queue a>b", 2000, (value) => value > 0), 2000)
      assert.strictEqual(yield* onlyDraw("sendBuffer a>b", 4096, (value) => value > 0), 4096)
    }),
  )

  it.effect("and items that become unnecessary are left out", () =>
    Effect.gen(function* () {
      // The failure needs the loss with a long pause, and not with a short one.
      const pause = { kind: "pause", at: 0, for: seconds(10), node: "a" } as const
      const start = { timeline: [pause], deviations: { "loss a>b": { 0: 1 } } }
      const fails = (attempt: Attempt) =>
        attempt.timeline.some((fault) => "for" in fault && (fault.for < seconds(6) || drawsOf(attempt).length > 0))
      const attempt = yield* milder(start, fails)
      assert.deepStrictEqual(attempt, { timeline: [{ ...pause, for: 1000 }], deviations: {} })
    }),
  )
})

/** Items that a failure needs, and their dependencies on other items. */
interface World {
  readonly start: Attempt
  readonly needed: ReadonlyArray<string>
  readonly pairs: ReadonlyArray<readonly [string, string]>
}

const upTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const world: Arbitrary.Arbitrary<World> = Arbitrary.map(
  Arbitrary.all([
    upTo(12),
    upTo(14),
    Arbitrary.array(upTo(25), { maxLength: 5 }),
    Arbitrary.array(Arbitrary.all([upTo(25), upTo(25)]), { maxLength: 6 }),
  ]),
  ([faults, draws, needed, pairs]) => {
    const start = { timeline: timeline(faults), deviations: deviations(draws) }
    const items = itemsOf(start)
    const item = (i: number) => items.slice(i % Math.max(1, items.length), (i % Math.max(1, items.length)) + 1)
    return {
      start,
      needed: needed.flatMap(item),
      pairs: pairs.flatMap(([a, b]) => item(a).flatMap((one) => item(b).map((other) => [one, other] as const))),
    }
  },
)

const everySingle = (attempt: Attempt): ReadonlyArray<Attempt> => itemsOf(attempt).map((item) => without(attempt, item))

const property = { arbitrary: { runs: 300 } }

describe("for any items that a failure needs", () => {
  const check = (start: Attempt, { failed, given, test }: Tester, maxRuns: number, fails: (a: Attempt) => boolean) =>
    Effect.gen(function* () {
      const { attempt, minimal, runs } = yield* Shrink.shrink(start, { test, maxRuns })
      assert.strictEqual(runs, given.length)
      assert.isAtMost(runs, maxRuns)
      assert.isTrue(runs === maxRuns || minimal)
      assert.isTrue(fails(attempt), "the result fails")
      assert.isTrue(
        [start, ...failed].some((known) => keyOf(known) === keyOf(attempt)),
        "it was executed as it is",
      )
      const keys = [...given.map(keyOf), keyOf(start)]
      assert.strictEqual(new Set(keys).size, keys.length, "nothing is run twice")
      if (minimal) for (const less of everySingle(attempt)) assert.isFalse(fails(less), "nothing can be left out")
    })

  it.effect.prop(
    "the result fails and is minimal, if more faults and draws are never less harmful",
    [world, upTo(120)],
    ([{ needed, start }, maxRuns]) => {
      const fails = needs(...needed)
      return check(start, tester(fails), maxRuns, fails)
    },
    property,
  )

  it.effect.prop(
    "the result fails and is minimal, if some items are harmful only together with others",
    [world, upTo(200)],
    ([{ needed, pairs, start }, maxRuns]) => {
      const fails = (attempt: Attempt): boolean => {
        const items = new Set(itemsOf(attempt))
        return (
          needed.every((item) => items.has(item)) && pairs.every(([one, other]) => !items.has(one) || items.has(other))
        )
      }
      return check(start, tester(fails), maxRuns, fails)
    },
    property,
  )

  it.effect.prop(
    "the result fails and is minimal, if some items are executed only together with others",
    [world, upTo(200)],
    ([{ needed, pairs, start }, maxRuns]) => {
      const execute = (given: Attempt): Attempt => {
        const items = new Set(itemsOf(given))
        const idle = pairs.find(([one, other]) => items.has(one) && !items.has(other))
        return idle === undefined ? given : execute(without(given, idle[0]))
      }
      const fails = (attempt: Attempt): boolean => needs(...needed)(execute(attempt))
      const executed = execute(start)
      return check(executed, tester(needs(...needed), execute), maxRuns, fails)
    },
    property,
  )
})
