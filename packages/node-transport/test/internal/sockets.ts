/** Pairs of sockets that are connected over loopback, with the options of the transport. */
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Net from "node:net"

export type Socket = Net.Socket

const listen = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close()),
)

/** Starts a dial to a server of Node on loopback. */
export const attempt = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const bound = server.address()
      const port = bound === null || typeof bound === "string" ? 0 : bound.port
      const socket = Net.createConnection({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true })
      socket.on("error", () => {})
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Dials a server of Node on loopback. */
export const dial = (server: Net.Server) =>
  Effect.tap(attempt(server), (socket) =>
    Effect.callback<void>((resume) => {
      if (socket.connecting) socket.once("connect", () => resume(Effect.void))
      else resume(Effect.void)
    }),
  )

/** Makes the end under test and the other end, which is paused. */
export const pair = Effect.gen(function* () {
  const server = yield* listen
  const accepted = new Promise<Net.Socket>((resolve) => server.once("connection", resolve))
  const socket = yield* dial(server)
  const other = yield* Effect.acquireRelease(
    Effect.promise(() => accepted),
    (socket) => Effect.sync(() => socket.destroy()),
  )
  other.on("error", () => {})
  return { socket, other }
})

export const closedError = (): Transport.TransportError =>
  new Transport.TransportError({ reason: "closed", message: "closed" })

/** Waits for an event of a socket. */
export const eventOf = (socket: Net.Socket, name: "close" | "connect" | "drain" | "end") =>
  Effect.callback<void>((resume) => {
    socket.once(name, () => resume(Effect.void))
  })

/** Lets the event loop run until the condition holds. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const check = (): unknown => (condition() ? resume(Effect.void) : setImmediate(check))
    check()
  })
