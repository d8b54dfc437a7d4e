/** Servers of Node itself, for tests of the transports. */
import * as Address from "@coterie/core/Address"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/** Returns the number of sockets and servers that this process has open. */
export const openSockets = Effect.sync(
  () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap" || kind === "TCPServerWrap").length,
)

/** Starts a server that does this with each socket. */
export const serve = (handle: (socket: Net.Socket) => void, host = "127.0.0.1") =>
  Effect.gen(function* () {
    const sockets = new Set<Net.Socket>()
    const accepted = yield* Deferred.make<Net.Socket>()
    const server = yield* Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const listening = Net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          handle(socket)
          Deferred.doneUnsafe(accepted, Effect.succeed(socket))
        })
        listening.listen(0, host, () => resume(Effect.succeed(listening)))
      }),
      (listening) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          listening.close()
        }),
    )
    const bound = server.address()
    const port = bound === null || typeof bound === "string" ? 0 : bound.port
    return {
      address: yield* Effect.orDie(Effect.fromResult(Address.make(host, port))),
      port,
      sockets,
      /** The first connection. */
      accepted: Deferred.await(accepted),
      reset: Effect.map(Deferred.await(accepted), () => {
        for (const socket of sockets) socket.resetAndDestroy()
      }),
    }
  })
