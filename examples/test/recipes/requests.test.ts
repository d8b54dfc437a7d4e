/** Runs the program of docs/recipes/requests.md. */
import { Cluster } from "@coterie/core"
import { PeerRpcClient, PeerRpcServer } from "@coterie/rpc"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as Requests from "../../recipes/requests.ts"

const names = ["a", "b", "c"] as const

/** Serves requests and never answers. */
const silent = PeerRpcServer.layer(Requests.Warehouse).pipe(
  Layer.provide(Requests.Warehouse.toLayer({ Count: () => Effect.never, Reserve: () => Effect.never })),
  Layer.provideMerge(PeerRpcClient.layer()),
)

/** Starts three warehouses with 2 pieces each. A segment takes 100 ms. */
const start = (sim: Simulation.Sim, silentNode?: string) =>
  sim.nodes(
    names,
    (name) =>
      (name === silentNode ? silent : Requests.layer(2)).pipe(
        Layer.provideMerge(Cluster.layer({ cluster: "stock", name, seeds: names, start: "manual" })),
      ),
    { start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start) },
  )

type Node = Effect.Success<ReturnType<typeof start>>["a"]

const linked = (node: Node, count: number) => () =>
  [...(node.service(Cluster.Cluster)?.viewUnsafe().peers.values() ?? [])].filter(({ link }) => link === "up").length ===
  count

const faults = { network: { delay: "100 millis" } } as const

describe("the recipe of requests", () => {
  it.sim("reserves pieces at a peer until it is sold out, and counts the pieces of all peers", { faults }, (sim) =>
    Effect.gen(function* () {
      const { a } = yield* start(sim)
      yield* sim.until("a has links", linked(a, 2))
      assert.deepStrictEqual(yield* a.run(Requests.countAll), { pieces: 6, missing: [] })
      assert.strictEqual(yield* a.run(Requests.reserve("b")), 2)
      assert.strictEqual(yield* a.run(Requests.reserve("b")), 1)
      assert.include(yield* Effect.flip(a.run(Requests.reserve("b"))), { _tag: "SoldOut" })
      assert.deepStrictEqual(yield* a.run(Requests.countAll), { pieces: 4, missing: [] })
    }),
  )

  it.sim("reports that a piece may be reserved if the peer crashes before its answer arrives", { faults }, (sim) =>
    Effect.gen(function* () {
      const { a, b } = yield* start(sim)
      yield* sim.until("a has links", linked(a, 2))
      const reserving = yield* Effect.forkScoped(Effect.flip(a.run(Requests.reserve("b"))))
      yield* Effect.sleep("150 millis")
      yield* b.crash
      assert.include(yield* Fiber.join(reserving), { _tag: "NoAnswer", maybeReserved: true })
    }),
  )

  it.sim(
    "reserves once at a peer that crashes and returns, and gives up if the peer does not return",
    { faults },
    (sim) =>
      Effect.gen(function* () {
        const { a, b } = yield* start(sim)
        yield* sim.until("a has links", linked(a, 2))
        yield* b.crash
        yield* sim.until("a has lost b", linked(a, 1))
        const reserving = yield* Effect.forkScoped(a.run(Requests.reserve("b")))
        yield* Effect.sleep("3 seconds")
        yield* b.restart
        assert.strictEqual(yield* Fiber.join(reserving), 2)
        assert.deepStrictEqual(yield* a.run(Requests.countAll), { pieces: 5, missing: [] })
        assert.include(yield* Effect.flip(a.run(Requests.reserve("nobody"))), {
          _tag: "NoAnswer",
          maybeReserved: false,
        })
      }),
  )

  it.sim("stops waiting for a silent peer, and reports that a piece may be reserved", { faults }, (sim) =>
    Effect.gen(function* () {
      const { a } = yield* start(sim, "b")
      yield* sim.until("a has links", linked(a, 2))
      assert.include(yield* Effect.flip(a.run(Requests.reserve("b"))), { _tag: "NoAnswer", maybeReserved: true })
      assert.deepStrictEqual(yield* a.run(Requests.countAll), { pieces: 4, missing: ["b"] })
    }),
  )

  it.sim("counts without a peer that is cut off, and names it", { faults }, (sim) =>
    Effect.gen(function* () {
      const { a } = yield* start(sim)
      yield* sim.until("a has links", linked(a, 2))
      yield* sim.network.partition(["c"], ["a", "b"])
      assert.deepStrictEqual(yield* a.run(Requests.countAll), { pieces: 4, missing: ["c"] })
    }),
  )
})
