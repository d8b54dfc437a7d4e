/** The program of docs/recipes/requests.md. */
// #region program
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerRpcClient, PeerRpcServer, RequestLost } from "@coterie/rpc"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Exit, Layer, Ref, Schedule, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", {}) {}

/** There is no answer. If `maybeReserved` is `true`, the peer may have reserved a piece. */
class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", {
  maybeReserved: Schema.Boolean,
  message: Schema.String,
}) {}

/** Requests to a warehouse. `Reserve` returns the number of the piece. */
export const Warehouse = RpcGroup.make(
  Rpc.make("Count", { success: Schema.Number }),
  Rpc.make("Reserve", { success: Schema.Number, error: SoldOut }),
)

/** Serves a warehouse with some pieces. */
export const layer = (pieces: number) => {
  const handlers = Effect.map(Ref.make(pieces), (stock) => {
    const take = Ref.getAndUpdate(stock, (left) => Math.max(0, left - 1))
    return {
      Count: () => Ref.get(stock),
      Reserve: () => Effect.flatMap(take, (piece) => (piece > 0 ? Effect.succeed(piece) : new SoldOut())),
    }
  })
  const server = PeerRpcServer.layer(Warehouse).pipe(Layer.provide(Warehouse.toLayer(handlers)))
  return Layer.provideMerge(server, PeerRpcClient.layer())
}

/** Reserves one piece at a peer. Asks again for up to 10 seconds while the peer has certainly not received the request. */
export const reserve = Effect.fnUntraced(function* (peer: string) {
  const warehouse: PeerRpcClient.FromGroup<typeof Warehouse> = yield* PeerRpcClient.make(Warehouse, peer)
  return yield* warehouse.Reserve().pipe(
    Effect.timeout("5 seconds"),
    RequestLost.catchLost(({ maybeDelivered, message }) => new NoAnswer({ maybeReserved: maybeDelivered, message })),
    Effect.catchTag(
      ["TimeoutError", "RpcClientError"],
      ({ message }) => new NoAnswer({ maybeReserved: true, message }),
    ),
    Effect.retry({
      while: (error) => error._tag === "NoAnswer" && !error.maybeReserved,
      schedule: Schedule.spaced("500 millis"),
      times: 20,
    }),
  )
}, Effect.scoped)

/** Asks all peers and this node. Returns the sum, and the names of the peers without an answer. */
export const countAll = Effect.gen(function* () {
  const options = { timeout: "5 seconds" } as const
  const answers = yield* PeerRpcClient.all(Warehouse, (warehouse) => warehouse.Count(), options)
  const pieces = answers.reduce((sum, { exit }) => sum + (Exit.isSuccess(exit) ? exit.value : 0), 0)
  return { pieces, missing: answers.filter(({ exit }) => Exit.isFailure(exit)).map(({ peer }) => peer.name) }
})
// #endregion

// #region main
/** Reserves a piece at each peer of the command line, and counts all pieces every 2 seconds. */
const demo = Effect.gen(function* () {
  for (const peer of process.argv.slice(2)) yield* Effect.log(peer, yield* Effect.result(reserve(peer)))
  yield* Effect.schedule(Effect.flatMap(countAll, Effect.log), Schedule.spaced("2 seconds"))
})

/** Runs until the node has stopped. The warehouse is served before `layerStart`. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => Effect.raceFirst(stopped, demo)).pipe(
  Effect.provide(Cluster.layerStart.pipe(Layer.provideMerge(layer(3)))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "warehouses", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
