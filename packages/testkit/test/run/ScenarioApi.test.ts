import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Invariant from "../../src/Invariant.ts"
import type * as Simulation from "../../src/Simulation.ts"
import { Counter, counter, failure, run } from "./world.ts"

describe("converges", () => {
  it.live("starts all nodes that are down, and waits until the condition holds", () =>
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

  it.live("fails if the condition does not hold in time", () =>
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

  it.live("can use a core, and the other nodes stay down", () =>
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

/** Collects the identities of the connections that a node accepts. */
const listening = (seen: Array<Transport.Identity | undefined>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const listener = yield* (yield* Transport.Transport).listen
      yield* Effect.forkScoped(listener.run(({ identity }) => Effect.sync(() => seen.push(identity))))
    }),
  )

describe("the proofs of nodes", () => {
  it.live("belong to a process, and change", () =>
    run((sim) =>
      Effect.gen(function* () {
        const secret = { _tag: "Secret", key: "k1" } as const
        const other = { _tag: "Secret", key: "k2" } as const
        let proof: Transport.Identity = secret
        const seen: Array<Transport.Identity | undefined> = []
        yield* sim.nodes(["b"], () => listening(seen))
        const dialing = Layer.effect(Counter)(
          Effect.gen(function* () {
            const address = yield* Effect.fromResult(Address.parse("b:24868"))
            const { identity } = yield* (yield* Transport.Transport).connect(address)
            assert.isUndefined(identity)
            return { count: 0 }
          }),
        )
        const { a } = yield* sim.nodes(["a"], () => dialing, { identity: () => proof })
        yield* sim.until("the first connection", () => seen.length === 1)
        proof = other
        yield* a.stop
        yield* a.restart
        yield* sim.until("the second connection", () => seen.length === 2)
        assert.deepStrictEqual(seen, [secret, other])
        yield* sim.network.prove("a", undefined)
        yield* sim.network.withdraw("a", { peer: "b" })
        const error = yield* Effect.flip(sim.network.withdraw("nobody"))
        assert.strictEqual(error.reason, "nodeName")
      }),
    ),
  )
})

const misuse = (body: Simulation.Scenario["body"], options?: Simulation.Options) =>
  failure("SimulationError", body, options)

describe("bad input of a scenario", () => {
  it.live("a name that is used twice", () =>
    Effect.gen(function* () {
      const error = yield* misuse((sim) => sim.nodes(["a", "b", "a"], () => counter))
      assert.strictEqual(error.reason, "nodeName")
      assert.include(error.message, 'a node "a" already exists')
    }),
  )

  it.live("a name that is not a host name", () =>
    Effect.gen(function* () {
      for (const name of ["", "A", "a b", "-a", "scenario"]) {
        assert.strictEqual((yield* misuse((sim) => sim.nodes([name], () => counter))).reason, "nodeName")
      }
    }),
  )

  it.live("a core of unknown nodes", () =>
    Effect.gen(function* () {
      const error = yield* misuse((sim) => sim.converges(() => true, { core: ["z"] }))
      assert.include(error.message, '"z"')
    }),
  )

  it.live("a partition of unknown nodes", () =>
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

  it.live("a time that is not a duration, as a typed error that the scenario can catch", () =>
    run((sim) =>
      Effect.gen(function* () {
        // A caller without types may pass any text.
        const within = "soon" as Duration.Input
        const refused = [
          sim.until("never", () => false, { within }),
          sim.converges(() => false, { within }),
          Invariant.eventually("never", () => false, { within }),
        ]
        for (const effect of refused) {
          const error = yield* Effect.flip(effect)
          assert.strictEqual(error._tag, "SimulationError")
          assert.include(error.message, "within: soon is not a duration")
        }
      }),
    ),
  )
})
