/** Stock of a shop: a server and a client of Effect's RPC over sockets. Nothing here knows of a simulation. */
// #region stock
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { Rpc, RpcClient, RpcGroup, RpcServer } from "effect/rpc"

export const Stock = RpcGroup.make(Rpc.make("Reserve", { payload: { order: Schema.String, pieces: Schema.Int } }))

/** Place where reservations are kept, such as a table of a database with a unique column. */
export class Reservations extends Context.Service<
  Reservations,
  {
    readonly has: (order: string) => Effect.Effect<boolean>
    readonly add: (order: string, pieces: number) => Effect.Effect<void>
  }
>()("examples/Reservations") {}

/** Server. It needs a `SocketServer` and an `RpcSerialization`. */
export const layerServer = RpcServer.layer(Stock).pipe(
  Layer.provide(
    Stock.toLayer(
      Effect.map(Reservations, ({ add, has }) => ({
        // A client that did not receive the answer asks again.
        Reserve: ({ order, pieces }) =>
          Effect.flatMap(has(order), (known) => (known ? Effect.void : add(order, pieces))),
      })),
    ),
  ),
  Layer.provide(RpcServer.layerProtocolSocketServer),
)

/** Client. */
export class Shop extends Context.Service<Shop, { readonly reserve: (order: string) => Effect.Effect<void> }>()(
  "examples/Shop",
) {}

/** Client. It needs a `Socket` and an `RpcSerialization`, and asks until it has an answer. */
export const layerShop = Layer.effect(Shop)(
  Effect.gen(function* () {
    const { Reserve } = yield* RpcClient.make(Stock)
    return {
      reserve: (order) =>
        Reserve({ order, pieces: 1 }).pipe(
          Effect.timeout("5 seconds"),
          Effect.retry(Schedule.spaced("500 millis")),
          Effect.orDie,
        ),
    }
  }),
).pipe(Layer.provide(RpcClient.layerProtocolSocket()))
// #endregion
