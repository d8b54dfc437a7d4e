import { readFile } from "node:fs/promises"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Simulation from "../../src/Simulation.ts"
import { at, Counter, counter, failure, run, under } from "./world.ts"

/** Makes a layer with a finalizer. */
const finalizer = (finalize: Effect.Effect<unknown>) =>
  Layer.effectDiscard(Effect.acquireRelease(Effect.void, () => finalize))

const orders = ["fifo", "random", "preempt"] as const

describe("SimNode", () => {
  describe("an interruption", () => {
    it.live("of an effect on a node ends when the node crashes before the finalizers have run", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep("1 hour"))
          const running = yield* Effect.forkChild(a.run(slow))
          yield* Effect.sleep("1 second")
          const interrupting = yield* Effect.forkChild(Fiber.interrupt(running))
          yield* Effect.sleep("1 second")
          yield* a.crash
          yield* Fiber.join(interrupting)
          assert.strictEqual(sim.now(), 2_000_000)
        }),
      ),
    )

    it.live(
      "of an effect on a paused node does not wait for the node, and the finalizers run when the node continues",
      () =>
        run((sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            let finalized = 0
            const forever = Effect.onInterrupt(Effect.never, () => Effect.sync(() => finalized++))
            const running = yield* Effect.forkChild(a.run(forever))
            yield* Effect.sleep("1 second")
            yield* a.pause
            yield* Fiber.interrupt(running)
            assert.strictEqual(finalized, 0)
            yield* a.resume
            yield* Effect.sleep("1 second")
            assert.strictEqual(finalized, 1)
          }),
        ),
    )

    it.live("of an effect that has not begun on a paused node prevents its start", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          let began = false
          yield* a.pause
          const running = yield* Effect.forkChild(
            a.run(
              Effect.sync(() => {
                began = true
              }),
            ),
          )
          yield* Effect.sleep("1 second")
          yield* Fiber.interrupt(running)
          yield* a.resume
          yield* Effect.sleep("1 second")
          assert.isFalse(began)
        }),
      ),
    )

    it.live("of `until` and of `converges` ends the evaluation of their conditions", () =>
      run((sim) =>
        Effect.gen(function* () {
          yield* sim.nodes(["a"], () => counter)
          let looked = 0
          const never = () => ++looked < 0
          for (const waiting of [sim.until("never", never), sim.converges(never)]) {
            const fiber = yield* Effect.forkChild(waiting)
            yield* Effect.sleep("2500 millis")
            yield* Fiber.interrupt(fiber)
            const before = looked
            assert.isAbove(before, 0)
            yield* Effect.sleep("5 seconds")
            assert.strictEqual(looked, before)
          }
        }),
      ),
    )
  })

  describe("a crash", () => {
    it.live("by the node's own code ends that code, and fails the call that waits for it", () =>
      Effect.forEach(orders, (explore) => {
        const seen: Array<string> = []
        return run(
          (sim) =>
            Effect.gen(function* () {
              const { a } = yield* sim.nodes(["a"], () => counter)
              const error = yield* Effect.flip(
                a.run(
                  Effect.onExit(
                    Effect.andThen(
                      a.crash,
                      Effect.sync(() => seen.push("went on")),
                    ),
                    () => Effect.sync(() => seen.push("finalized")),
                  ),
                ),
              )
              assert.strictEqual(error._tag, "NodeDown")
              assert.deepStrictEqual(seen, [])
              assert.strictEqual(a.state, "crashed")
            }),
          { explore },
        )
      }),
    )

    it.live("during the build of the layer ends the build, and the next life builds its own layer", () =>
      run((sim) =>
        Effect.gen(function* () {
          let builds = 0
          let built = 0
          const slow = Layer.effectDiscard(
            Effect.gen(function* () {
              builds++
              yield* Effect.sleep("1 second")
              built++
            }),
          )
          const nodes = yield* Effect.forkChild(sim.nodes(["a"], () => Layer.provideMerge(counter, slow)))
          yield* Effect.sleep("2 seconds")
          const { a } = yield* Fiber.join(nodes)
          yield* a.crash
          const restart = yield* Effect.forkChild(a.restart)
          yield* Effect.sleep("500 millis")
          assert.strictEqual(a.state, "starting")
          yield* a.crash
          yield* Effect.sleep("5 seconds")
          assert.deepStrictEqual([a.state, builds, built], ["crashed", 2, 1])
          yield* a.restart
          yield* Fiber.join(restart)
          assert.deepStrictEqual([a.state, a.lives, builds, built], ["running", 3, 3, 2])
        }),
      ),
    )

    it.live("ends a stop that hangs in a finalizer, and the caller of the stop continues", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => Layer.merge(counter, finalizer(Effect.never)))
          const stop = yield* Effect.forkChild(a.stop)
          yield* Effect.sleep("1 minute")
          assert.strictEqual(a.state, "stopping")
          yield* a.crash
          yield* Fiber.join(stop)
          yield* a.restart
          assert.deepStrictEqual([a.state, a.lives], ["running", 2])
          yield* a.powerOff
        }),
      ),
    )

    it.live("of a node that is slow and paused leaves the next life in the states of the plan", () =>
      under(
        [
          { kind: "slow", at: "1 seconds", for: "1 minutes", node: "a", task: "1 millis" },
          { kind: "pause", at: "2 seconds", for: "1 minutes", node: "a" },
          { kind: "crash", at: "3 seconds", for: "2 seconds", node: "a" },
          { kind: "pause", at: "10 seconds", for: "5 seconds", node: "a" },
        ],
        (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            const states: Array<string> = []
            for (const seconds of [2.5, 4, 6, 12, 16, 63]) {
              yield* at(sim, seconds)
              states.push(`${a.state}${a.paused ? " paused" : ""} ${a.lives}`)
            }
            assert.deepStrictEqual(states, [
              "running paused 1",
              "crashed 1",
              "running 2",
              "running paused 2",
              "running 2",
              "running 2",
            ])
            assert.isAbove(a.service(Counter)?.count ?? 0, 50)
          }),
      ),
    )

    it.live("ends the promises and timers of the node, however often they have waited", () =>
      run((sim) =>
        Effect.gen(function* () {
          let rounds = 0
          const tick = () => new Promise((resolve) => setTimeout(resolve, 1_000))
          const poll = async () => {
            for (;;) {
              await tick()
              rounds++
            }
          }
          const { a } = yield* sim.nodes(["a"], () =>
            Layer.effectDiscard(
              Effect.sync(() => {
                void poll()
                setInterval(() => queueMicrotask(() => setTimeout(() => rounds++, 1)), 1_000)
              }),
            ),
          )
          yield* Effect.sleep("5500 millis")
          assert.strictEqual(rounds, 10)
          yield* a.pause
          yield* Effect.sleep("5 seconds")
          assert.strictEqual(rounds, 10)
          yield* a.crash
          yield* Effect.sleep("10 seconds")
          assert.strictEqual(rounds, 10)
          yield* a.restart
          yield* Effect.sleep("5500 millis")
          assert.strictEqual(rounds, 20)
          // The crash occurs while its timers are pending.
          yield* a.crash
          yield* Effect.sleep("10 seconds")
          assert.strictEqual(rounds, 20)
        }),
      ),
    )
  })

  describe("a stop", () => {
    it.live("of a paused node waits until the node continues", () =>
      run((sim) =>
        Effect.gen(function* () {
          let released = -1
          const { a } = yield* sim.nodes(["a"], () =>
            finalizer(
              Effect.sync(() => {
                released = sim.now()
              }),
            ),
          )
          yield* a.pause
          const stop = yield* Effect.forkChild(a.stop)
          yield* Effect.sleep("3 seconds")
          assert.deepStrictEqual([a.state, released], ["stopping", -1])
          yield* a.resume
          yield* Fiber.join(stop)
          assert.deepStrictEqual([a.state, released], ["stopped", 3_000_000])
        }),
      ),
    )

    it.live("of a node whose layer never completes interrupts the build", () =>
      run((sim) =>
        Effect.gen(function* () {
          let interrupted = false
          let lives = 0
          const stuck = Layer.effectDiscard(
            Effect.suspend(() =>
              ++lives === 1
                ? Effect.void
                : Effect.onInterrupt(Effect.never, () =>
                    Effect.sync(() => {
                      interrupted = true
                    }),
                  ),
            ),
          )
          const { a } = yield* sim.nodes(["a"], () => stuck)
          yield* a.crash
          yield* Effect.forkChild(a.restart)
          yield* Effect.sleep("10 seconds")
          assert.strictEqual(a.state, "starting")
          yield* a.stop
          assert.isTrue(interrupted)
        }),
      ),
    )

    it.live("of a node that has just started prevents the build of its layer", () =>
      run((sim) =>
        Effect.gen(function* () {
          let builds = 0
          const { a } = yield* sim.nodes(["a"], () => Layer.effectDiscard(Effect.sync(() => builds++)))
          yield* a.crash
          yield* Effect.forkChild(a.restart, { startImmediately: true })
          assert.strictEqual(a.state, "starting")
          yield* a.stop
          assert.deepStrictEqual([a.state, builds], ["stopped", 1])
        }),
      ),
    )

    it.live("waits for finalizers that take time", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => finalizer(Effect.sleep("7 seconds")))
          yield* a.stop
          assert.strictEqual(sim.now(), 7_000_000)
        }),
      ),
    )

    it.live("by the plan makes a stop by the scenario fail with that reason", () =>
      under([{ kind: "stop", at: "1 seconds", for: "10 seconds", node: "a" }], (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => Layer.merge(counter, finalizer(Effect.sleep("5 seconds"))))
          yield* at(sim, 2)
          const error = yield* Effect.flip(a.stop)
          assert.include(error.message, "a cannot stop: it is being stopped")
          assert.include((yield* Effect.flip(a.restart)).message, "a cannot be restarted: it is being stopped")
          assert.include((yield* Effect.flip(a.run(Effect.void))).message, "is being stopped")
          yield* at(sim, 7)
          assert.strictEqual(a.state, "stopped")
          yield* a.restart
          yield* at(sim, 12)
          // The plan does not start the node again.
          assert.deepStrictEqual([a.state, a.lives], ["running", 2])
        }),
      ),
    )

    it.live("by the plan that takes longer than its time is followed by a start", () =>
      under([{ kind: "stop", at: "1 seconds", for: "2 seconds", node: "a" }], (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => Layer.merge(counter, finalizer(Effect.sleep("5 seconds"))))
          yield* at(sim, 5)
          assert.strictEqual(a.state, "stopping")
          yield* at(sim, 6.5)
          assert.deepStrictEqual([a.state, a.lives], ["running", 2])
        }),
      ),
    )

    it.live("by the plan that runs at the end of the scenario completes", () =>
      Effect.gen(function* () {
        let released = false
        yield* under([{ kind: "stop", at: "1 seconds", for: "10 seconds", node: "a" }], (sim) =>
          Effect.gen(function* () {
            yield* sim.nodes(["a"], () =>
              finalizer(
                Effect.andThen(
                  Effect.sleep("5 seconds"),
                  Effect.sync(() => {
                    released = true
                  }),
                ),
              ),
            )
            yield* at(sim, 2)
          }),
        )
        assert.isTrue(released)
      }),
    )
  })

  describe("converges", () => {
    it.live("starts a stopping node after its stop", () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => Layer.merge(counter, finalizer(Effect.sleep("5 seconds"))))
          const stop = yield* Effect.forkChild(a.stop)
          yield* Effect.sleep("1 second")
          yield* sim.converges(() => a.service(Counter) !== undefined)
          yield* Fiber.join(stop)
          assert.deepStrictEqual([a.state, a.lives], ["running", 2])
        }),
      ),
    )

    it.live("with a core keeps all other nodes down, whatever the plan or the scenario did with them", () =>
      under(
        [
          { kind: "crash", at: "1 seconds", for: "5 seconds", node: "b" },
          { kind: "stop", at: "1 seconds", for: "500 millis", node: "c" },
        ],
        (sim) =>
          Effect.gen(function* () {
            const nodes = yield* sim.nodes(["a", "b", "c", "d", "e"], () =>
              Layer.merge(counter, finalizer(Effect.sleep("5 seconds"))),
            )
            yield* at(sim, 2)
            const stop = yield* Effect.forkChild(nodes.d.stop)
            yield* nodes.e.pause
            yield* Effect.sleep("10 millis")
            yield* sim.converges(() => nodes.a.state === "running", { core: ["a"] })
            yield* Fiber.join(stop)
            yield* at(sim, 60)
            assert.deepStrictEqual(
              Object.values(nodes).map(({ lives, state }) => `${state} ${lives}`),
              ["running 1", "crashed 1", "crashed 1", "crashed 1", "crashed 1"],
            )
          }),
      ),
    )
  })

  it.live("are at full speed and not paused when they stop at the end", () =>
    Effect.gen(function* () {
      const { virtualSeconds } = yield* run((sim) =>
        Effect.gen(function* () {
          const { a, b } = yield* sim.nodes(["a", "b"], () => counter)
          yield* a.slow("1 minute")
          yield* b.pause
          yield* Effect.sleep("5 seconds")
        }),
      )
      assert.isBelow(virtualSeconds, 6)
    }),
  )

  it.live("are resumed by another node's completion in a separate turn, and not while they are paused", () =>
    Effect.forEach(orders, (explore) =>
      run(
        (sim) =>
          Effect.gen(function* () {
            const gate = yield* Deferred.make<void>()
            let opened = -1
            const { a, b } = yield* sim.nodes(["a", "b"], () => counter)
            const waiting = yield* Effect.forkChild(
              b.run(
                Effect.andThen(
                  Deferred.await(gate),
                  Effect.sync(() => {
                    opened = sim.now()
                  }),
                ),
              ),
            )
            yield* Effect.sleep("1 second")
            yield* b.pause
            yield* a.run(Deferred.succeed(gate, undefined))
            yield* Effect.sleep("4 seconds")
            assert.strictEqual(opened, -1)
            yield* b.resume
            yield* Fiber.join(waiting)
            assert.strictEqual(opened, 5_000_000)
          }),
        { explore },
      ),
    ),
  )

  it.live("may run effects by Effect.runPromise", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => counter)
        const inner = Effect.gen(function* () {
          yield* Effect.forkChild(Effect.sleep("1 second"))
          for (let i = 0; i < 5_000; i++) yield* Effect.void
          yield* Effect.sleep("2 seconds")
          return Date.now()
        })
        const before = yield* a.run(Effect.sync(() => Date.now()))
        const after = yield* a.run(Effect.promise(() => Effect.runPromise(inner)))
        assert.isAtLeast(after - before, 2_000)
        assert.isBelow(after - before, 2_100)
      }),
    ),
  )

  it.live("can log any values, including values that JSON does not support", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = {}
      circle["self"] = circle
      const { trace } = yield* run(
        (sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => counter),
            ({ a }) => a.run(Effect.log("a big number", 12n, circle)),
          ),
        {},
        { trace: true },
      )
      const notes = trace?.events.filter((event) => event._tag === "Note") ?? []
      assert.include(notes.map(({ node, text }) => `${node} ${text}`).join("\n"), "a Info: a big number 12n")
    }),
  )

  it.live("that throw in a callback die, which ends the run", () =>
    Effect.gen(function* () {
      const callbacks: ReadonlyArray<readonly [string, (boom: () => void) => void]> = [
        ["a timer", (boom) => void setTimeout(boom, 1_000)],
        ["an interval", (boom) => void setInterval(boom, 1_000)],
        ["an immediate", (boom) => void setImmediate(boom)],
        ["a tick", (boom) => process.nextTick(boom)],
        ["a microtask", (boom) => queueMicrotask(boom)],
      ]
      for (const [name, arm] of callbacks) {
        const boom = () => {
          throw new Error(`${name} failed`)
        }
        const dead = yield* failure("NodeDied", (sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => Layer.effectDiscard(Effect.sync(() => arm(boom)))),
            Effect.sleep("5 seconds"),
          ),
        )
        assert.deepStrictEqual([dead.node, dead.message.includes(`${name} failed`)], ["a", true])
        const failed = yield* failure("ScenarioFailed", () =>
          Effect.andThen(
            Effect.sync(() => arm(boom)),
            Effect.sleep("5 seconds"),
          ),
        )
        assert.include(failed.message, `${name} failed`)
      }
    }),
  )

  it.live("and the scenario do nothing after the run, even if an outside event arrives", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      let real: Promise<unknown> = Promise.resolve()
      const waits = (text: string) =>
        Effect.promise(() => {
          real = Promise.all([real, readFile(import.meta.filename)])
          return real
        }).pipe(Effect.andThen(Effect.sync(() => seen.push(text))))
      yield* failure("Stalled", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => Layer.empty)
          yield* Effect.forkChild(a.run(waits("the node")))
          yield* waits("the scenario")
        }),
      )
      yield* Effect.promise(() => real)
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      assert.deepStrictEqual(seen, [])
    }),
  )

  it.live("cannot have a clock whose time stops or decreases", () =>
    Effect.gen(function* () {
      const body =
        (ppm: number): Simulation.Scenario["body"] =>
        (sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => counter),
            ({ a }) => a.drift(ppm),
          )
      for (const ppm of [-1_000_000, 600_000, Number.NaN]) {
        const error = yield* failure("SimulationError", body(ppm))
        assert.strictEqual(error.reason, "options")
      }
      yield* run(body(500_000))
    }),
  )

  it.live("are not made if one of the names is invalid", () =>
    run((sim) =>
      Effect.gen(function* () {
        yield* Effect.flip(sim.nodes(["a", "b", "a"], () => counter))
        const { a } = yield* sim.nodes(["a"], () => counter)
        assert.strictEqual(a.lives, 1)
      }),
    ),
  )

  it.live("have clocks that can be set forward and back", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => counter)
        const now = a.run(Effect.sync(() => Date.now()))
        const start = yield* now
        yield* a.setClock("-10 seconds")
        assert.strictEqual((yield* now) - start, -10_000)
        yield* a.setClock("4 seconds")
        assert.strictEqual((yield* now) - start, -6_000)
        yield* a.drift(500_000)
        const before = sim.now()
        yield* a.run(Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 3_000))))
        assert.strictEqual(sim.now() - before, 2_000_000)
      }),
    ),
  )
})
