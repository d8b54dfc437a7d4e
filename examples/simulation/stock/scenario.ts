/** The stock of a shop in a simulation: no order is reserved twice, and every order is answered. */
// #region scenario
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as SimRpcSerialization from "@coterie/testkit/SimRpcSerialization"
import * as SimSocket from "@coterie/testkit/SimSocket"
import * as SimSocketServer from "@coterie/testkit/SimSocketServer"
import { Effect, Layer } from "effect"
import { RpcSerialization } from "effect/rpc"
import { layerServer, layerShop, Reservations, Shop } from "./Stock.ts"

const layerSerialization = SimRpcSerialization.layer(RpcSerialization.layerNdjson)

/** The database belongs to the scenario, so it survives the crashes of the server. */
const database = (mistake: "forgetful" | undefined) => {
  const added: Array<string> = []
  const layer = Layer.succeed(Reservations, {
    has: (order) => Effect.sync(() => mistake === undefined && added.includes(order)),
    add: (order) => Effect.sync(() => void added.push(order)),
  })
  return { added, layer }
}

export const stock = (mistake?: "forgetful") =>
  Simulation.scenario(
    `the stock of a shop${mistake === undefined ? "" : `: ${mistake}`}`,
    { faults: FaultPlan.swarm },
    (sim) =>
      Effect.gen(function* () {
        const { added, layer } = database(mistake)
        yield* sim.nodes(["stock"], () =>
          layerServer.pipe(Layer.provide([SimSocketServer.layer({ port: 3000 }), layerSerialization, layer])),
        )
        const { shop } = yield* sim.nodes(["shop"], () =>
          layerShop.pipe(Layer.provide([SimSocket.layerNet({ host: "stock", port: 3000 }), layerSerialization])),
        )
        yield* Invariant.always("no order is reserved twice", () => {
          const twice = added.find((order, i) => added.indexOf(order) !== i)
          return twice === undefined || `${twice} is reserved twice`
        })
        let orders = 0
        let answered = 0
        const order = Effect.suspend(() => {
          const name = `order ${++orders}`
          return Effect.flatMap(Shop, ({ reserve }) => reserve(name))
        })
        // An order fails with `NodeDown` if the shop is killed meanwhile.
        yield* Effect.andThen(
          shop.run(order),
          Effect.sync(() => answered++),
        ).pipe(Effect.ignore, Effect.andThen(Effect.sleep("1 second")), Effect.forever, Effect.forkScoped)
        yield* Effect.sleep("30 seconds")
        const before = answered
        yield* sim.converges(() => answered > before)
      }),
  )
// #endregion
