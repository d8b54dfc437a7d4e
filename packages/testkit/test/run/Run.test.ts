import { readFile } from "node:fs/promises"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Invariant from "../src/Invariant.ts"
import * as Simulation from "../src/Simulation.ts"
import { Counter, counter, failure, run } from "./run/world.ts"

describe("Simulation", () => {
  describe("time", () => {
    it.live("passes by itself, and the scenario only sleeps", () =>
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

    it.live("is that of the node for what the node runs", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          const start = yield* Clock.currentTimeMillis
          yield* a.setClock("10 seconds")
          assert.strictEqual((yield* a.run(Clock.currentTimeMillis)) - start, 10_000)
          assert.strictEqual(yield* a.run(Effect.sync(() => Date.now())), start + 10_000)
          assert.strictEqual(yield* Clock.currentTimeMillis, start)
          yield* a.drift(-500_000)
          const before = sim.now()
          yield* a.run(Effect.sleep("1 second"))
          assert.strictEqual(sim.now() - before, 2_000_000)
        }),
      ),
    )

    it.live("serves promises and timers of the program as well", () =>
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

  describe("nodes", () => {
    it.live("run no finalizer when they crash, and all of them when they stop", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        yield* run((sim) =>
          Effect.gen(function* () {
            const nodes = yield* sim.nodes(["a", "b"], (name) =>
              Layer.effectDiscard(
                Effect.acquireRelease(
                  Effect.sync(() => seen.push(`${name} acquired`)),
                  () => Effect.sync(() => seen.push(`${name} released`)),
                ),
              ),
            )
            yield* nodes.a.crash
            yield* nodes.b.stop
            assert.deepStrictEqual(seen, ["a acquired", "b acquired", "b released"])
            assert.strictEqual(nodes.a.state, "crashed")
            assert.strictEqual(nodes.b.state, "stopped")
            yield* nodes.a.restart
            assert.strictEqual(nodes.a.lives, 2)
          }),
        )
        // What still runs at the end is stopped in good order.
        assert.deepStrictEqual(seen.slice(3), ["a acquired", "a released"])
      }),
    )

    it.live("start with a new layer, and what they had in memory is gone", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Effect.sleep("10.5 seconds")
          const before = a.service(Counter)
          yield* a.crash
          assert.isUndefined(a.service(Counter))
          yield* a.restart
          assert.strictEqual(before?.count, 10)
          assert.strictEqual(a.service(Counter)?.count, 0)
          yield* Effect.sleep("5 seconds")
          // The dead life counts no more.
          assert.strictEqual(before?.count, 10)
        }),
      ),
    )

    it.live("stand still when they are paused, and catch up when they go on", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* a.pause
          yield* Effect.sleep("10 seconds")
          assert.isTrue(a.paused)
          assert.strictEqual(a.service(Counter)?.count, 0)
          yield* a.resume
          yield* Effect.sleep("3 seconds")
          assert.isAtLeast(a.service(Counter)?.count ?? 0, 3)
        }),
      ),
    )

    it.live("can be killed while they stand still, and the next life does not stand still", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* a.pause
          yield* a.crash
          yield* a.restart
          yield* Effect.sleep("3500 millis")
          assert.strictEqual(a.service(Counter)?.count, 3)
        }),
      ),
    )

    it.live("end what was run on them with NodeDown when they crash or stop", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          let finalized = 0
          const forever = Effect.onExit(Effect.never, () => Effect.sync(() => finalized++))
          for (const how of ["crash", "stop"] as const) {
            const running = yield* Effect.forkChild(Effect.flip(a.run(forever)))
            yield* Effect.sleep("1 second")
            yield* a[how]
            assert.strictEqual((yield* Fiber.join(running))._tag, "NodeDown")
            assert.strictEqual((yield* Effect.flip(a.run(Effect.void)))._tag, "NodeDown")
            yield* a.restart
          }
          // Only the stop ran it.
          assert.strictEqual(finalized, 1)
        }),
      ),
    )

    it.live("interrupt what was run on them when the scenario does", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          let interrupted = false
          const forever = Effect.onInterrupt(Effect.never, () =>
            Effect.sync(() => {
              interrupted = true
            }),
          )
          yield* Effect.timeoutOption(a.run(forever), "1 second")
          assert.isTrue(interrupted)
        }),
      ),
    )

    it.live("have chance of their own, the same for the same seed", () => {
      const numbers = (seed: number) =>
        Effect.gen(function* () {
          const seen: Array<number> = []
          yield* run(
            (sim) =>
              Effect.gen(function* () {
                const nodes = yield* sim.nodes(["a", "b"], () => Layer.empty)
                seen.push(yield* nodes.a.run(Random.next), yield* nodes.b.run(Random.next), yield* Random.next)
                seen.push(yield* nodes.a.run(Effect.sync(() => Math.random())))
                yield* nodes.a.crash
                yield* nodes.a.restart
                seen.push(yield* nodes.a.run(Random.next))
              }),
            {},
            { seed },
          )
          return seen
        })
      return Effect.gen(function* () {
        const first = yield* numbers(1)
        assert.deepStrictEqual(yield* numbers(1), first)
        assert.strictEqual(new Set([...first, ...(yield* numbers(2))]).size, 10)
      })
    })
  })

  describe("invariants", () => {
    it.live("are checked after every step, and name the step that broke them", () =>
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

    it.live("are checked after the steps of the scenario, too", () =>
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

    it.live("need not hold while the nodes are stopped, when the scenario is done", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* Invariant.always("a is running", () => a.state === "running")
          yield* Effect.sleep("1 second")
        }),
      ),
    )

    it.live("may look at the steps of some nodes only", () =>
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

    it.live("say what is wrong in their own words", () =>
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

    it.live("that throw say so", () =>
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
        assert.include(error.message, "must cope with nodes that are not running")
      }),
    )

    it.live("that must hold eventually keep the simulation going until they do", () =>
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

    it.live("that must hold eventually fail when they do not in time", () =>
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

    it.live("that must hold sometimes are told in the report", () =>
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

  describe("converges", () => {
    it.live("brings back whoever is away, and waits until it is so", () =>
      run((sim) =>
        Effect.gen(function* () {
          const nodes = yield* sim.nodes(["a", "b", "c", "d"], () => counter)
          yield* nodes.a.crash
          yield* nodes.b.stop
          yield* nodes.c.pause
          yield* nodes.d.slow("1 minute")
          yield* Effect.sleep("5 seconds")
          yield* sim.converges(() => Object.values(nodes).every((node) => (node.service(Counter)?.count ?? 0) >= 5))
          assert.deepStrictEqual(
            Object.values(nodes).map((node) => [node.state, node.lives, node.paused]),
            [
              ["running", 2, false],
              ["running", 2, false],
              ["running", 1, false],
              ["running", 1, false],
            ],
          )
        }),
      ),
    )

    it.live("fails when it does not come to that", () =>
      Effect.gen(function* () {
        const error = yield* failure("NotConverged", (sim) =>
          Effect.gen(function* () {
            yield* sim.nodes(["a"], () => counter)
            yield* sim.converges(() => "a is alone", { within: "7 seconds" })
          }),
        )
        assert.strictEqual(error.at, 7_000_000)
        assert.include(error.message, "a is alone")
      }),
    )

    it.live("can do with a core, and the others stay away", () =>
      run((sim) =>
        Effect.gen(function* () {
          const nodes = yield* sim.nodes(["a", "b", "c"], () => counter)
          yield* nodes.a.crash
          yield* sim.converges(() => nodes.a.state === "running", { core: ["a", "b"] })
          assert.strictEqual(nodes.c.state, "crashed")
        }),
      ),
    )
  })

  describe("failures", () => {
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

    it.live("Stalled: a scenario that awaits something real", () =>
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

    it.live("TimeLimit: a scenario that is not done in time", () =>
      Effect.gen(function* () {
        const error = yield* failure("TimeLimit", () => Effect.forever(Effect.sleep("1 second")), {
          timeLimit: "1 minute",
        })
        assert.strictEqual(error.at, 60_000_000)
      }),
    )

    it.live("NodeDied: a layer that does not build, with its cause", () =>
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

    it.live("ScenarioFailed: an assertion, with its cause", () =>
      Effect.gen(function* () {
        const error = yield* failure("ScenarioFailed", () =>
          Effect.sync(() => assert.strictEqual(1, 2, "one is not two")),
        )
        assert.include(error.message, "one is not two")
        assert.instanceOf(error.cause, Error)
      }),
    )

    it.live("ScenarioFailed: a forked fiber that died, and nobody heard of it", () =>
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

    it.live("Escaped: in strict mode, time and chance of the machine, with the line that took them", () =>
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
          assert.include(error.site, "Simulation.test.ts")
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

    it.live("what a stopped node leaves behind is gone with its process, if it is allowed to", () =>
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

  describe("bad input", () => {
    const misuse = (body: Simulation.Scenario["body"], options?: Simulation.Options) =>
      failure("SimulationError", body, options)

    it.live("a name that is used twice", () =>
      Effect.gen(function* () {
        const error = yield* misuse((sim) => sim.nodes(["a", "b", "a"], () => counter))
        assert.strictEqual(error.reason, "nodeName")
        assert.include(error.message, 'there is a node "a" already')
      }),
    )

    it.live("a name that is no host", () =>
      Effect.gen(function* () {
        for (const name of ["", "A", "a b", "-a", "scenario"]) {
          assert.strictEqual((yield* misuse((sim) => sim.nodes([name], () => counter))).reason, "nodeName")
        }
      }),
    )

    it.live("a crash of a crashed node, a restart of a running one", () =>
      Effect.gen(function* () {
        const crash = yield* misuse((sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            yield* a.crash
            yield* a.crash
          }),
        )
        assert.strictEqual(crash.reason, "nodeState")
        assert.include(crash.message, "a cannot crash: it has crashed")
        const restart = yield* misuse((sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            yield* a.restart
          }),
        )
        assert.include(restart.message, "a cannot be restarted: it is running")
      }),
    )

    it.live("a core of unknown nodes", () =>
      Effect.gen(function* () {
        const error = yield* misuse((sim) => sim.converges(() => true, { core: ["z"] }))
        assert.include(error.message, '"z"')
      }),
    )

    it.live("a partition of nodes that there are not", () =>
      Effect.gen(function* () {
        const error = yield* misuse((sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => counter),
            sim.network.partition(["a"], ["b"]),
          ),
        )
        assert.include(error.message, 'there is no node "b"')
      }),
    )

    it.live("a time limit and an order that are none", () =>
      Effect.gen(function* () {
        // As somebody without the types would write it.
        const options: object = { timeLimit: "soon" }
        assert.include((yield* misuse(() => Effect.void, options)).message, "timeLimit: soon is no duration")
        const order: object = { explore: "rnd" }
        assert.include((yield* misuse(() => Effect.void, order)).message, '"rnd" is no order')
      }),
    )

    it.live("a seed that is none", () =>
      Effect.gen(function* () {
        for (const seed of [-1, 1.5, Number.NaN]) {
          const error = yield* Effect.flip(run(() => Effect.void, {}, { seed }))
          assert.strictEqual(error._tag, "SimulationError")
        }
      }),
    )
  })
})
