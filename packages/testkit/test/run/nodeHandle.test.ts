import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as SimulationError from "../../src/SimulationError.ts"
import { Counter, counter, failure, run } from "./world.ts"

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
      // A node that still runs at the end is stopped gracefully.
      assert.deepStrictEqual(seen.slice(3), ["a acquired", "a released"])
    }),
  )

  it.live("start with a new layer and without their earlier memory", () =>
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
        // The ended life does not count any more.
        assert.strictEqual(before?.count, 10)
      }),
    ),
  )

  it.live("do nothing while they are paused, and catch up when they continue", () =>
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

  it.live("can be killed while they are paused, and the next life is not paused", () =>
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

  it.live("end the effects on them with NodeDown when they crash or stop", () =>
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
        // Only the stop ran the finalizer.
        assert.strictEqual(finalized, 1)
      }),
    ),
  )

  it.live("interrupt an effect on them when the scenario interrupts its call", () =>
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

  it.live("have their own random numbers, the same for the same seed", () => {
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

describe("the time of a node", () => {
  it.live("applies to the effects that the node runs", () =>
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
})

describe("a node refuses", () => {
  it.live("a crash of a crashed node, a restart of a running one", () =>
    Effect.gen(function* () {
      const crash = yield* failure("SimulationError", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* a.crash
          yield* a.crash
        }),
      )
      assert.strictEqual(crash.reason, "nodeState")
      assert.include(crash.message, "a cannot crash: it has crashed")
      const restart = yield* failure("SimulationError", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* a.restart
        }),
      )
      assert.include(restart.message, "a cannot be restarted: it is running")
    }),
  )

  it.live("a value that its clock or its speed cannot have, as a typed error that the scenario can catch", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => counter)
        // A caller without types may pass any text.
        const soon = "soon" as Duration.Input
        const refused = (change: Effect.Effect<void, SimulationError.SimulationError>) =>
          Effect.map(Effect.flip(change), ({ message, reason }) => `${reason}: ${message}`)
        for (const ppm of [-1_000_000, 600_000, Number.NaN]) {
          assert.include(yield* refused(a.drift(ppm)), `options: a clock cannot drift by ${ppm} ppm`)
        }
        for (const task of ["-1 seconds", "Infinity", soon] as const) {
          assert.include(yield* refused(a.slow(task)), "options: slow: ")
        }
        for (const by of ["Infinity", "-Infinity", soon] as const) {
          assert.include(yield* refused(a.setClock(by)), "options: setClock: ")
        }
        // The refused changes have changed nothing.
        const before = sim.now()
        yield* a.run(Effect.sleep("1 second"))
        assert.strictEqual(sim.now() - before, 1_000_000)
      }),
    ),
  )
})
