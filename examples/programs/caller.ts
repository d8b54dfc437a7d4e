import { PeerRpcServer } from "@coterie/rpc"
import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const Greeter = RpcGroup.make(Rpc.make("Greet", { success: Schema.String }))

export const handlers = Greeter.toLayer({
  Greet: (_, { headers }) => Effect.succeed(`hello, ${PeerRpcServer.caller(headers)?.name ?? "somebody"}`),
})
