/** Requests that instances make to each other. */
import { Cluster } from "@coterie/core"
import { PeerRpcServer } from "@coterie/rpc"
import { Effect, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Connections } from "./Connections.ts"
import { Parcel, Stats } from "./Model.ts"

export const Instances = RpcGroup.make(
  Rpc.make("Deliver", {
    payload: Parcel,
    success: Schema.Literals(["delivered", "notHere", "notConfirmed", "busy"]),
  }),
  Rpc.make("Stats", { success: Stats }),
)

const handlers = Instances.toLayer(
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    const { deliver, delivered, users } = yield* Connections
    return {
      Deliver: deliver,
      Stats: () =>
        Effect.map(cluster.self, ({ name }) => ({
          instance: name,
          users: users().length,
          delivered: delivered(),
        })),
    }
  }),
)

export const layer = PeerRpcServer.layer(Instances).pipe(Layer.provide(handlers))
