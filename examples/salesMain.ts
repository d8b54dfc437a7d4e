import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Schedule } from "effect"
import * as Sales from "./sales.ts"

const [name = "ann", port = "24868", ...seeds] = process.argv.slice(2)

/** Sells an order every 3 seconds until the node has stopped. */
const program = Effect.gen(function* () {
  const { stopped } = yield* Cluster.Cluster
  const { sell, total } = yield* Sales.Sales
  const sellOne = Effect.gen(function* () {
    const { sent } = yield* sell({ id: crypto.randomUUID(), total: 12 })
    yield* Effect.log(`an order went to ${sent.join(", ")}; total of all orders: ${yield* total}`)
  })
  yield* Effect.raceFirst(stopped, Effect.repeat(sellOne, Schedule.spaced("3 seconds")))
})

const ServiceLive = Sales.layer({ name, seeds }).pipe(Layer.provide(NodeTransport.layerTcp({ port: Number(port) })))

program.pipe(Effect.provide(ServiceLive), NodeRuntime.runMain)
