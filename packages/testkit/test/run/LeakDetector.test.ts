import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Simulation from "../../src/Simulation.ts"
import { counter, failure, run, talkers } from "./world.ts"

/** Makes a scenario that stops a node with the layer, in the middle or at the end. */
const stopped =
  <E>(layer: Layer.Layer<never, E, Transport.Transport>, restart = false): Simulation.Scenario["body"] =>
  (sim) =>
    Effect.gen(function* () {
      const { a } = yield* sim.nodes(["a"], () => layer)
      yield* Effect.sleep("1 second")
      if (!restart) return
      yield* a.stop
      yield* a.restart
      yield* Effect.sleep("10 minutes")
    })

/** Returns the leaks that the check reports. */
const left = (body: Simulation.Scenario["body"]) =>
  Effect.map(failure("InvariantViolated", body, { timeLimit: "30 minutes" }), (error) => {
    assert.strictEqual(error.invariant, "a stopped node leaves nothing behind")
    assert.strictEqual(error.node, "a")
    assert.include(error.message, "Effect.forkScoped")
    return /still has (.*?):/.exec(error.message)?.[1]
  })

const detached = Layer.effectDiscard(Effect.forkDetach(Effect.never))

describe("LeakDetector", () => {
  it.live("finds fibers, timers, connections and listeners that are left behind", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* left(stopped(detached)), "1 fiber")
      assert.strictEqual(
        yield* left(stopped(Layer.effectDiscard(Effect.sync(() => void setInterval(() => undefined, 1_000))))),
        "1 timer",
      )
      assert.strictEqual(
        yield* left(
          stopped(
            Layer.effectDiscard(
              Effect.gen(function* () {
                const { listen } = yield* Transport.Transport
                yield* Effect.provideService(listen, Scope.Scope, Scope.makeUnsafe())
              }),
            ),
          ),
        ),
        "1 connection or listener",
      )
    }),
  )

  it.live("also finds them when the node was started again", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* left(stopped(detached, true)), "1 fiber")
    }),
  )

  it.live("gives a host time to send the bytes in transit", () =>
    Effect.gen(function* () {
      const lingering = Layer.effectDiscard(Effect.forkDetach(Effect.sleep("50 seconds")))
      yield* run(stopped(lingering))
      yield* run(stopped(Layer.effectDiscard(Effect.sync(() => void setTimeout(() => undefined, 50_000)))))
    }),
  )

  it.live("ignores timers that were cleared, are unreferenced, or have fired", () =>
    run(
      stopped(
        Layer.effectDiscard(
          Effect.acquireRelease(
            Effect.sync(() => {
              setInterval(() => undefined, 1_000).unref()
              clearTimeout(setTimeout(() => undefined, 3_600_000))
              setTimeout(() => undefined, 100)
              setTimeout(() => undefined, 100).refresh()
              AbortSignal.timeout(3_600_000)
              return setInterval(() => undefined, 1_000)
            }),
            (interval) => Effect.sync(() => clearInterval(interval)),
          ),
        ),
      ),
    ),
  )

  it.live("reports nothing for nodes that exchange bytes, restart, and fail to dial", () =>
    run(
      (sim) =>
        Effect.gen(function* () {
          const { a, b, c } = yield* talkers(sim)
          yield* sim.network.partition(["a"], ["b", "c"])
          yield* Effect.sleep("5 seconds")
          yield* a.stop
          yield* Effect.sleep("5 seconds")
          yield* b.stop
          yield* a.restart
          yield* c.powerOff
          yield* Effect.sleep("2 minutes")
        }),
      { timeLimit: "1 hours" },
    ),
  )

  it.live("does not check a crashed node", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => detached)
        yield* a.crash
        yield* Effect.sleep("2 minutes")
      }),
    ),
  )

  it.live("reports nothing for a node on which the scenario failed to dial", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () =>
          Layer.merge(counter, Layer.effect(Transport.Transport)(Transport.Transport)),
        )
        yield* a.run(
          Effect.gen(function* () {
            const { connect } = yield* Transport.Transport
            const scope = yield* Scope.make()
            const address = yield* Effect.orDie(Effect.fromResult(Address.parse("nobody:24868")))
            yield* Effect.flip(Effect.provideService(connect(address), Scope.Scope, scope))
            yield* Scope.close(scope, Exit.void)
          }),
        )
        yield* a.stop
      }),
    ),
  )
})
