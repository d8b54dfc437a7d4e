import { Seeds, Simulation, Swarm, Trace } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { RpcSerialization } from "effect/rpc"
import { SocketServer } from "effect/socket"
import { stock } from "../simulation/stock/scenario.ts"
import { layerServer, layerShop, Reservations, Shop } from "../simulation/stock/Stock.ts"

describe("the stock of a shop", () => {
  it.sim(stock(), { seeds: 60 })

  it.live("the same program runs on the sockets of Node", () =>
    Effect.gen(function* () {
      const added: Array<string> = []
      const layerReservations = Layer.succeed(Reservations, {
        has: (order) => Effect.sync(() => added.includes(order)),
        add: (order) => Effect.sync(() => void added.push(order)),
      })
      const server = yield* Layer.build(
        layerServer.pipe(
          Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })),
          Layer.provide([RpcSerialization.layerNdjson, layerReservations]),
        ),
      )
      const { address } = Context.get(server, SocketServer.SocketServer)
      assert(address._tag === "InetAddressV4")
      const socket = NodeSocket.layerNet({ host: "127.0.0.1", port: address.port })
      yield* Effect.flatMap(Shop, ({ reserve }) => Effect.andThen(reserve("one"), reserve("one"))).pipe(
        Effect.provide(Layer.provide(layerShop, [socket, RpcSerialization.layerNdjson])),
      )
      assert.deepStrictEqual(added, ["one"])
    }).pipe(Effect.scoped),
  )

  it.live("a server that forgets its orders is found, the failure is shrunk, and its artifact replays it", () =>
    Effect.gen(function* () {
      const scenario = stock("forgetful")
      const range = yield* Effect.fromResult(Seeds.make(1, 30))
      const { failures } = yield* Swarm.run(scenario, Seeds.iterate(range), { stopAfter: 1 })
      const [found] = failures
      assert(found?.failure._tag === "InvariantViolated")
      assert.strictEqual(found.failure.invariant, "no order is reserved twice")
      const { deviations, explore, network, seed, sentences = [], timeline, traceHash } = found.artifact
      assert.isAtMost(sentences.length, 3, sentences.join("\n"))
      const replay = { deviations, network, timeline }
      const replayed = yield* Simulation.outcome(scenario, { seed, explore, replay, trace: true })
      assert.strictEqual(replayed.report.traceHash, traceHash)
      assert.strictEqual(replayed.failure?._tag, "InvariantViolated")
      assert(replayed.report.trace !== undefined)
      assert.isTrue(replayed.report.trace.events.some(({ _tag }) => _tag === "Sent"))
      assert.include(Trace.toHtml(replayed.report.trace), "order 11 is reserved twice")
    }),
  )
})
