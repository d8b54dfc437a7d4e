/** Runs a program of packages/rpc/AGENTS.md. */
import { Cluster } from "@coterie/core"
import { PeerRpcClient, PeerRpcServer } from "@coterie/rpc"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Caller from "../../programs/caller.ts"

it.sim("the handler greets the peer that asks", (sim) =>
  Effect.gen(function* () {
    const { a } = yield* sim.nodes(["a", "b"], (name) =>
      Cluster.layerStart.pipe(
        Layer.provideMerge(PeerRpcServer.layer(Caller.Greeter).pipe(Layer.provide(Caller.handlers))),
        Layer.provideMerge(PeerRpcClient.layer()),
        Layer.provide(Cluster.layer({ cluster: "greet", name, seeds: ["a", "b"], start: "manual" })),
      ),
    )
    const greeting = Effect.flatMap(PeerRpcClient.make(Caller.Greeter, "b"), (b) => b.Greet())
    assert.strictEqual(yield* a.run(greeting), "hello, a")
  }),
)
