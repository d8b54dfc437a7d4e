/** Runs the programs of packages/rpc/AGENTS.md that no other test runs. */
import { Cluster } from "@coterie/core"
import { PeerRpcClient, PeerRpcServer } from "@coterie/rpc"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as Caller from "../../programs/caller.ts"
import { firstCount } from "../../programs/first.ts"
import * as Requests from "../../recipes/requests.ts"

const node = (name: string) => Cluster.layer({ cluster: "stock", name, seeds: ["a:7946", "b:7946"], start: "manual" })

describe("the programs of AGENTS.md of rpc", () => {
  it.sim("firstCount returns the answer of a peer, and None if no peer answers", (sim) =>
    Effect.gen(function* () {
      const { a, b } = yield* sim.nodes(["a", "b"], (name) =>
        Layer.provideMerge(Cluster.layerStart, Requests.layer(2)).pipe(Layer.provide(node(name))),
      )
      assert.deepStrictEqual(
        Option.map(yield* a.run(firstCount), ({ exit, peer }) => [peer.name, exit._tag]),
        Option.some(["b", "Success"]),
      )
      yield* b.powerOff
      assert.deepStrictEqual(yield* a.run(firstCount), Option.none())
    }),
  )

  it.sim("the handler greets the peer that asks", (sim) =>
    Effect.gen(function* () {
      const { a } = yield* sim.nodes(["a", "b"], (name) =>
        Cluster.layerStart.pipe(
          Layer.provideMerge(PeerRpcServer.layer(Caller.Greeter).pipe(Layer.provide(Caller.handlers))),
          Layer.provideMerge(PeerRpcClient.layer()),
          Layer.provide(node(name)),
        ),
      )
      const greeting = Effect.flatMap(PeerRpcClient.make(Caller.Greeter, "b"), (b) => b.Greet())
      assert.strictEqual(yield* a.run(greeting), "hello, a")
    }),
  )
})
