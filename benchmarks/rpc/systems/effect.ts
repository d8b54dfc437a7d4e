/** Effect's RPC over a socket of TCP. JSON in lines costs less of the processor than the binary serialization for text. */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as NetAddress from "effect/net/NetAddress"
import * as References from "effect/References"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as SocketServer from "effect/socket/SocketServer"
import { host } from "../../harness/sockets.ts"
import { type Driver, parse } from "./Driver.ts"
import { Echo, EchoHandlers, run } from "./echo.ts"

const QuietLive = Layer.succeed(References.MinimumLogLevel, "Error")

const ServerLive = RpcServer.layer(Echo).pipe(
  Layer.provide(EchoHandlers),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide(RpcSerialization.layerNdjson),
  Layer.provideMerge(NodeSocketServer.layer({ host, port: 0, noDelay: true })),
  Layer.provide(QuietLive),
)

export const make = (): Driver => ({
  serve: async () => {
    const { address } = await ManagedRuntime.make(ServerLive).runPromise(SocketServer.SocketServer)
    return NetAddress.formatSocketAddress(address)
  },
  connect: async (address) => {
    const ProtocolLive = RpcClient.layerProtocolSocket().pipe(
      Layer.provide([
        NodeSocket.layerNet({ ...parse(address), noDelay: true }),
        RpcSerialization.layerNdjson,
        QuietLive,
      ]),
    )
    const runtime = ManagedRuntime.make(ProtocolLive)
    return {
      run: (atOnce, again) =>
        runtime.runPromise(
          Effect.scoped(Effect.flatMap(RpcClient.make(Echo), (client) => run(client.Echo, atOnce, again))),
        ),
    }
  },
})
