import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import type { SimHost } from "../src/SimHost.ts"
import * as SimRpcSerialization from "../src/SimRpcSerialization.ts"
import * as SimSocket from "../src/SimSocket.ts"
import * as SimSocketServer from "../src/SimSocketServer.ts"
import * as Simulation from "../src/Simulation.ts"

const Calls = RpcGroup.make(
  Rpc.make("Double", { payload: { value: Schema.Int }, success: Schema.Int }),
  Rpc.make("Count", { payload: { to: Schema.Int }, success: Schema.Int, stream: true }),
  Rpc.make("Never"),
)

const layerServer = RpcServer.layer(Calls).pipe(
  Layer.provide(
    Calls.toLayer({
      Double: ({ value }) => Effect.succeed(2 * value),
      Count: ({ to }) => Stream.range(1, to),
      Never: () => Effect.never,
    }),
  ),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide(SimSocketServer.layer({ port: 80 })),
)

const layerClient = RpcClient.layerProtocolSocket().pipe(
  Layer.provide(SimSocket.layerNet({ host: "server", port: 80 })),
)

type Serialization = Layer.Layer<RpcSerialization.RpcSerialization>

const calls = (serialization: Serialization) =>
  Simulation.scenario("calls", (sim) =>
    Effect.gen(function* () {
      const provided = <A, E>(layer: Layer.Layer<A, E, RpcSerialization.RpcSerialization | SimHost>) =>
        Layer.provide(layer, serialization)
      yield* sim.nodes(["server"], () => provided(layerServer))
      const { client } = yield* sim.nodes(["client"], () => provided(layerClient))
      const results = yield* client.run(
        Effect.gen(function* () {
          const rpc = yield* RpcClient.make(Calls)
          const doubled = yield* Effect.forEach([1, 2, 3], (value) => rpc.Double({ value }), { concurrency: 3 })
          yield* Effect.timeoutOption(rpc.Never(), "1 second")
          const counted = yield* Stream.runCollect(rpc.Count({ to: 40 }))
          return [...doubled, counted.length]
        }),
      )
      assert.deepStrictEqual(results, [2, 4, 6, 40])
    }),
  )

const hashes = (serialization: Serialization) =>
  Effect.forEach([1, 2], () =>
    Effect.map(Simulation.run(calls(serialization), { seed: 1 }), ({ traceHash }) => traceHash),
  )

describe.each([
  ["ndjson", RpcSerialization.layerNdjson],
  ["schemaBinary", RpcSerialization.layerSchemaBinary()],
  ["ndJsonRpc", RpcSerialization.layerNdJsonRpc()],
] as const)("the ids of %s", (_, serialization) => {
  it.live("are the same in every run of a seed, and all kinds of calls work", () =>
    Effect.gen(function* () {
      const [first, second] = yield* hashes(SimRpcSerialization.layer(serialization))
      assert.strictEqual(first, second)
    }),
  )

  it.live("of Effect alone differ between the runs", () =>
    Effect.gen(function* () {
      const [first, second] = yield* hashes(serialization)
      assert.notStrictEqual(first, second)
    }),
  )
})
