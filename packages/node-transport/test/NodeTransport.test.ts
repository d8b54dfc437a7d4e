import * as Address from "@coterie/core/Address"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/** A server without Effect, which resets what it has accepted. */
const stranger = Effect.gen(function* () {
  const sockets = new Set<Net.Socket>()
  const accepted = yield* Deferred.make<void>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer({ pauseOnConnect: true }, (socket) => {
        sockets.add(socket)
        Deferred.doneUnsafe(accepted, Effect.void)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }),
  )
  const { port } = server.address() as Net.AddressInfo
  return {
    address: yield* Effect.orDie(Effect.fromResult(Address.make("127.0.0.1", port))),
    reset: Effect.map(Deferred.await(accepted), () => {
      for (const socket of sockets) socket.resetAndDestroy()
    }),
  }
})

TransportContract.suite({
  name: "NodeTransport over loopback",
  live: true,
  world: Effect.succeed({
    transport: (port) => NodeTransport.layerTcp({ host: "127.0.0.1", port }),
    stranger,
    open: Effect.sync(
      () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap" || kind === "TCPServerWrap").length,
    ),
  }),
})
