import * as util from "node:util"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as LifeContext from "../src/kernel/LifeContext.ts"
import * as Simulation from "../src/Simulation.ts"
import { chatty, counter, failure, names, run } from "./run/world.ts"

const epoch = LifeContext.epochMillis

/** Scenario with many faults and many random choices. */
const busy = Simulation.scenario(
  "busy",
  {
    faults: {
      swarm: {
        off: 0,
        network: { delay: {}, loss: { uniform: [0, 0.2] } },
        faults: { crash: {}, partition: {}, pause: {} },
      },
    },
  },
  (sim) =>
    Effect.andThen(
      sim.nodes(names, (name) => chatty(sim, name, names)),
      Effect.sleep("20 seconds"),
    ),
)

/** Returns the ids of the interrupting fibers. */
const interruptors = (cause: Cause.Cause<unknown>): ReadonlyArray<number> =>
  cause.reasons.flatMap((reason) =>
    Cause.isInterruptReason(reason) && reason.fiberId !== undefined ? [reason.fiberId] : [],
  )

const hash = (seed: number, explore: Simulation.Explore = "random") =>
  Effect.map(Simulation.run(busy, { seed, explore }), ({ traceHash }) => traceHash)

describe("Runs", () => {
  it.live("are the same for the same seed, whatever ran before them in the process", () =>
    Effect.gen(function* () {
      for (const explore of ["fifo", "random", "preempt"] as const) {
        const first = yield* hash(7, explore)
        yield* hash(8, explore)
        yield* failure("ScenarioFailed", () => Effect.sync(() => Math.random()).pipe(Effect.andThen(Effect.fail("x"))))
        yield* failure("Stalled", () => Effect.promise(() => new Promise(() => undefined)))
        assert.strictEqual(yield* hash(7, explore), first)
      }
    }),
  )

  it.live("give fibers the same ids, which start from 1 in each life of a node", () =>
    Effect.gen(function* () {
      const seen: Array<Array<number>> = []
      const idsOf = (sim: Simulation.Sim) =>
        Effect.gen(function* () {
          const ids: Array<number> = []
          seen.push(ids)
          const nodes = yield* sim.nodes(["a", "b"], () => Layer.empty)
          const id = Effect.map(Effect.forkChild(Effect.void), (fiber) => void ids.push(fiber.id))
          yield* id
          yield* Effect.flatMap(Effect.exit(Effect.interrupt), (exit) =>
            Effect.sync(() => ids.push(...Exit.getCause(exit).pipe(Option.toArray).flatMap(interruptors))),
          )
          for (const node of Object.values(nodes)) yield* node.run(Effect.andThen(id, id))
          yield* nodes.a.crash
          yield* nodes.a.restart
          yield* nodes.a.run(id)
        })
      const before = yield* Effect.map(Effect.forkChild(Effect.void), ({ id }) => id)
      yield* run(idsOf)
      yield* run(idsOf)
      const after = yield* Effect.map(Effect.forkChild(Effect.void), ({ id }) => id)
      assert.deepStrictEqual(seen[0], seen[1])
      // The ids are equal in both nodes and in each life of a node.
      const [, , a1, a2, b1, b2, again] = seen[0] ?? []
      assert.deepStrictEqual([a1, a2, again], [b1, b2, a1])
      assert.isBelow(Math.max(...(seen[0] ?? [Infinity])), 100)
      assert.isBelow(before, after, "ids outside of simulations are unique")
    }),
  )

  it.live("are the same with a trace, whatever `describe` does with its bytes", () =>
    Effect.gen(function* () {
      const transfers = Simulation.scenario(
        "transfers",
        {
          describe: () => (bytes) => {
            structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
            return [{ kind: "bytes", text: "" }]
          },
        },
        (sim) =>
          Effect.andThen(
            sim.nodes(names, (name) => chatty(sim, name, names)),
            Effect.sleep("2 seconds"),
          ),
      )
      const hashes = yield* Effect.forEach([true, false], (trace) =>
        Effect.map(Simulation.run(transfers, { seed: 1, trace }), ({ traceHash }) => traceHash),
      )
      assert.strictEqual(hashes[0], hashes[1])
    }),
  )

  it.live("at the same time do not affect each other", () =>
    Effect.gen(function* () {
      const seeds = [1, 2, 3, 4]
      const alone = yield* Effect.forEach(seeds, (seed) => hash(seed))
      assert.deepStrictEqual(yield* Effect.forEach(seeds, (seed) => hash(seed), { concurrency: "unbounded" }), alone)
      const promises = yield* Effect.promise(() => Promise.all(seeds.map((seed) => Effect.runPromise(hash(seed)))))
      assert.deepStrictEqual(promises, alone)
      assert.strictEqual(new Set(alone).size, 4)
    }),
  )

  it.live("cannot be nested, and fail with that reason", () =>
    Effect.gen(function* () {
      const inner = Simulation.scenario("inner", () => Effect.void)
      for (const body of [
        () => Simulation.run(inner, { seed: 1 }),
        () => Effect.promise(() => Effect.runPromise(Simulation.run(inner, { seed: 1 }))),
      ]) {
        const error = yield* Effect.flip(run(body))
        assert.include(error.message, '"inner" cannot run inside another simulation')
      }
      // The outer simulation has ended.
      yield* Simulation.run(inner, { seed: 1 })
    }),
  )

  it.live("keep HashMaps whose keys are objects in the same order", () =>
    Effect.gen(function* () {
      const order = (seed: number) =>
        Effect.gen(function* () {
          let seen: ReadonlyArray<number> = []
          yield* run(
            () =>
              Effect.sync(() => {
                const keys = Array.from({ length: 40 }, (_, id) => Object.create({ id }) as { readonly id: number })
                const map = HashMap.fromIterable(keys.map((key) => [() => key, key.id] as const))
                seen = [
                  ...HashMap.values(map),
                  ...[
                    ...HashSet.fromIterable(
                      keys.map(
                        ({ id }) =>
                          () =>
                            id,
                      ),
                    ),
                  ].map((f) => f()),
                ]
              }),
            {},
            { seed },
          )
          return seen
        })
      const first = yield* order(1)
      assert.deepStrictEqual(yield* order(1), first)
    }),
  )

  it.live("leave nothing in memory, for any number of simulations", () =>
    Effect.gen(function* () {
      v8.setFlagsFromString("--expose-gc")
      const gc: unknown = vm.runInNewContext("gc")
      assert.isFunction(gc)
      const used = () => {
        if (typeof gc === "function") gc()
        return process.memoryUsage().heapUsed
      }
      const kinds: ReadonlyArray<Simulation.Scenario> = [
        Simulation.scenario("fine", { timeLimit: "1 hours" }, (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a", "b"], () => counter)
            yield* Effect.forkChild(a.run(Effect.never))
            yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1_000)))
            yield* a.crash
          }),
        ),
        Simulation.scenario("fails", (sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => Layer.merge(counter, Layer.effectDiscard(Effect.forkDetach(Effect.never)))),
            Effect.fail("x"),
          ),
        ),
        Simulation.scenario("stalls", () => Effect.promise(() => new Promise(() => undefined))),
      ]
      const many = (count: number) =>
        Effect.forEach(
          Array.from({ length: count }, (_, seed) => seed),
          (seed) => Effect.forEach(kinds, (kind) => Simulation.outcome(kind, { seed }), { discard: true }),
          { discard: true },
        )
      yield* many(200)
      const before = used()
      yield* many(500)
      // 1500 simulations of some ten kilobytes each would use fifteen megabytes.
      assert.isBelow(used() - before, 3_000_000)
    }),
  )

  it.live("do not begin after their caller was interrupted", () =>
    Effect.gen(function* () {
      let began = 0
      const scenario = Simulation.scenario("late", () => Effect.sync(() => began++))
      const fiber = yield* Effect.forkChild(Simulation.run(scenario, { seed: 1 }), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve))))
      assert.strictEqual(began, 0)
    }),
  )

  it.live("whose option throws die with that error, and do not hang", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        run(() => Effect.void, {
          get timeLimit(): string {
            throw new Error("no limit")
          },
        } as Simulation.Options),
      )
      assert.include(String(exit), "no limit")
    }),
  )
})

describe("The machine of a program", () => {
  /** Returns the results of a function in the first instant and after five seconds. */
  const sees = <A>(look: () => A) =>
    Effect.gen(function* () {
      const seen: Array<A> = []
      yield* run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          seen.push(yield* a.run(Effect.sync(look)))
          yield* Effect.sleep("5 seconds")
          seen.push(yield* a.run(Effect.sync(look)))
        }),
      )
      return seen
    })

  it.live("has the time of the simulation in all functions", () =>
    Effect.gen(function* () {
      class Stamp extends Date {
        readonly kind = "stamp"
      }
      assert.deepStrictEqual(yield* sees(() => Date.now() - epoch), [0, 5_000])
      assert.deepStrictEqual(yield* sees(() => new Date().getTime() - epoch), [0, 5_000])
      assert.deepStrictEqual(yield* sees(() => structuredClone(new Date()).getTime() - epoch), [0, 5_000])
      assert.deepStrictEqual(yield* sees(() => structuredClone(new Date()) instanceof Date), [true, true])
      assert.deepStrictEqual(yield* sees(() => performance.now()), [0, 5_000])
      assert.deepStrictEqual(yield* sees(() => performance.timeOrigin + performance.now() - epoch), [0, 5_000])
      assert.deepStrictEqual(
        yield* sees(() => {
          class Late extends Date {
            readonly kind = "late"
          }
          const late = new Late()
          return [late.getTime() - epoch, late.kind, late instanceof Late, new Stamp(7).getTime(), Date.UTC(1970, 0, 1)]
        }),
        [
          [0, "late", true, 7, 0],
          [5_000, "late", true, 7, 0],
        ],
      )
      assert.deepStrictEqual(
        yield* sees(() => new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone: "UTC" }).format(new Date())),
        ["1/1/26", "1/1/26"],
      )
    }),
  )

  /** Returns the time at which a timer fires, in milliseconds. */
  const fires = (arm: (done: () => void) => unknown) =>
    Effect.gen(function* () {
      let at = -1
      yield* run(
        (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            yield* a.run(
              Effect.sync(() => {
                arm(() => {
                  at = sim.now() / 1_000
                })
              }),
            )
            yield* Effect.sleep("1 hour")
          }),
        { timeLimit: "2 hours" },
      )
      return at
    })

  it.live("has the timers of the simulation in all functions", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* fires((done) => setTimeout(done, 2_500.7)), 2_500)
      assert.strictEqual(yield* fires((done) => setTimeout(done, 2_500).unref()), 2_500)
      assert.strictEqual(yield* fires((done) => setTimeout(done, -5)), 1)
      // Node does not support timers that long, and fires them at once.
      assert.strictEqual(yield* fires((done) => setTimeout(done, 2 ** 31)), 1)
      assert.strictEqual(yield* fires((done) => util.promisify(setTimeout)(2_500).then(done)), 2_500)
      assert.strictEqual(yield* fires((done) => util.promisify(setImmediate)().then(done)), 0)
      assert.strictEqual(yield* fires((done) => AbortSignal.timeout(2_500).addEventListener("abort", done)), 2_500)
      assert.strictEqual(
        yield* fires((done) => {
          const timer = setTimeout(done, 2_000)
          setTimeout(() => timer.refresh(), 1_000)
        }),
        3_000,
      )
      assert.strictEqual(
        yield* fires((done) => {
          const timer = setTimeout(done, 2_000)
          setTimeout(() => timer.refresh(), 3_000)
        }),
        5_000,
      )
      assert.strictEqual(
        yield* fires((done) => {
          const interval = setInterval(() => {
            clearInterval(interval)
            done()
          }, 2_000)
        }),
        2_000,
      )
      assert.strictEqual(yield* fires((done) => clearImmediate(setImmediate(done))), -1)
    }),
  )

  it.live("aborts signals with the reason of the platform", () =>
    run(() =>
      Effect.gen(function* () {
        const signal = AbortSignal.timeout(1_000)
        yield* Effect.sleep("2 seconds")
        assert.isTrue(signal.aborted)
        assert.strictEqual(signal.reason.name, "TimeoutError")
      }),
    ),
  )

  /** Replaces a function of the platform while the effect runs. Returns its calls, which have no effect. */
  const asked = <E>(key: "clearTimeout" | "setInterval", effect: Effect.Effect<unknown, E>) =>
    Effect.suspend(() => {
      const calls: Array<unknown> = []
      const before = globalThis[key]
      Object.assign(globalThis, { [key]: (first: unknown) => void calls.push(first) })
      return effect.pipe(
        Effect.ensuring(Effect.sync(() => Object.assign(globalThis, { [key]: before }))),
        Effect.as(calls),
      )
    })

  it.live("clears timers of the platform that are cleared inside of a simulation", () =>
    Effect.gen(function* () {
      const real = {}
      const inside = Effect.sync(() => {
        clearTimeout(real as never)
        clearTimeout(setTimeout(() => undefined, 1))
      })
      const cleared = yield* asked(
        "clearTimeout",
        run(() => inside),
      )
      assert.lengthOf(cleared, 1)
      assert.strictEqual(cleared[0], real)
    }),
  )

  it.live("keeps promise callbacks that remain at the end of a run within that run", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const over = Effect.suspend(() => {
        void Promise.resolve().then(() => {
          setInterval(() => undefined, 1)
          return seen.push(Date.now() - epoch)
        })
        return Effect.fail("over")
      })
      const real = yield* asked("setInterval", Effect.flip(run(() => over)))
      assert.deepStrictEqual([seen, real], [[0], []])
    }),
  )

  it.live("attributes the uses of a promise of a node to the node", () =>
    Effect.gen(function* () {
      let seen: ReadonlyArray<number> = []
      yield* run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a", "b"], () => counter)
          yield* a.setClock("1 hour")
          seen = yield* a.run(
            Effect.promise(async () => {
              await Promise.resolve()
              const first = Date.now() - epoch
              await new Promise((resolve) => setTimeout(resolve, 1_000))
              await Promise.resolve()
              return [first, Date.now() - epoch]
            }),
          )
        }),
      )
      assert.deepStrictEqual(seen, [3_600_000, 3_601_000])
    }),
  )
})
