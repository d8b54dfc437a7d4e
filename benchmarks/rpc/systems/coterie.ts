/** Effect's RPC between two nodes of Coterie over TCP, with @coterie/rpc and JSON, its default. */
import * as Cluster from "@coterie/core/Cluster"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import * as Transports from "../../harness/transports.ts"
import type { Driver } from "./Driver.ts"
import { Echo, EchoHandlers, run } from "./echo.ts"

const node = (name: string) =>
  Cluster.layer({ cluster: "bench", name }).pipe(
    Layer.provide([Transports.tcp(), Layer.succeed(References.MinimumLogLevel, "Error")]),
  )

export const make = (): Driver => ({
  serve: async () => {
    const ServerLive = PeerRpcServer.layer(Echo).pipe(Layer.provide(EchoHandlers), Layer.provideMerge(node("server")))
    const runtime = ManagedRuntime.make(ServerLive)
    const cluster = await runtime.runPromise(Cluster.Cluster)
    const { addresses } = await runtime.runPromise(cluster.self)
    return addresses[0] ?? ""
  },
  connect: async (address) => {
    const ClientLive = PeerRpcClient.layer().pipe(Layer.provideMerge(node("client")))
    const runtime = ManagedRuntime.make(ClientLive)
    const cluster = await runtime.runPromise(Cluster.Cluster)
    const server = await runtime.runPromise(cluster.join(address))
    return {
      run: (atOnce, again) =>
        runtime.runPromise(
          Effect.scoped(Effect.flatMap(PeerRpcClient.make(Echo, server), (client) => run(client.Echo, atOnce, again))),
        ),
    }
  },
})
