import { assert } from "@effect/vitest"
import type * as Cluster from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import * as Effect from "effect/Effect"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcLanes from "../../src/internal/RpcLanes.ts"
import * as World from "../../../core/test/cluster/world.ts"
import { FakeLane } from "./FakeLane.ts"

/** Returns the names of the lanes for the options. */
const namesOf = Effect.fnUntraced(function* (world: World.World, options: { readonly service?: string }, name = "a") {
  const { cluster } = yield* world.node(name)
  const names: Array<string> = []
  const recording: Cluster.Cluster["Service"] = {
    ...cluster,
    lane: (name) => {
      names.push(name)
      return Effect.succeed({ ...new FakeLane().lane, name })
    },
  }
  const lanes = yield* RpcLanes.make(recording, options)
  return { names, lanes }
})

World.simulated("the lanes of a service are rpc/SERVICE/requests and rpc/SERVICE/replies", (world) =>
  Effect.gen(function* () {
    const { lanes, names } = yield* namesOf(world, { service: "work" })
    assert.deepStrictEqual(names, ["rpc/work/requests", "rpc/work/replies"])
    assert.deepStrictEqual([lanes.requests.name, lanes.responses.name], names)
  }),
)

World.simulated("a service without a name is called default", (world) =>
  Effect.gen(function* () {
    const { lanes, names } = yield* namesOf(world, {})
    assert.strictEqual(lanes.service, "default")
    assert.deepStrictEqual(names, ["rpc/default/requests", "rpc/default/replies"])
  }),
)

World.simulated("an empty name of a service fails with OptionsError", (world) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(namesOf(world, { service: "" }))
    assert.instanceOf(error, OptionsError)
    assert.strictEqual(error.option, "service")
  }),
)

World.simulated("messages are JSON unless a serialization is provided", (world) =>
  Effect.gen(function* () {
    assert.strictEqual((yield* namesOf(world, {}, "b")).lanes.serialization, RpcSerialization.json)
    const lines = RpcSerialization.ndjson
    const provided = Effect.provideService(namesOf(world, {}), RpcSerialization.RpcSerialization, lines)
    assert.strictEqual((yield* provided).lanes.serialization, lines)
  }),
)
