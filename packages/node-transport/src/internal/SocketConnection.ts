/** Socket of Node as a `Connection` of a transport. */
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import { errorCode } from "./errorCode.ts"
import { SocketReader } from "./SocketReader.ts"
import { SocketWriter } from "./SocketWriter.ts"

const ignore = () => {}

/**
 * Time for which a closed connection keeps the process alive, in milliseconds. On most lines the last bytes and the end
 * of the other side need less. A process should end within one second.
 */
const holdMillis = 500

/**
 * Makes a connection of a socket from which nothing was read. When the scope closes, the socket gets `linger`
 * milliseconds to send the remaining bytes.
 *
 * Both ends must be opened with `allowHalfOpen`, so that the other direction stays open when one direction ends.
 */
export const make = (socket: Net.Socket, linger: number): Effect.Effect<Transport.Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const remoteHost = (socket.remoteAddress ?? "").replace(/^::ffff:(?=[0-9.]+$)/, "")
    const closedError = () =>
      new Transport.TransportError({
        reason: "closed",
        message: `the connection to ${remoteHost} ${describe(socket.errored)}`,
        ...(socket.errored === null ? {} : { cause: socket.errored }),
      })
    // Without a listener, an error after the reader has closed ends the process.
    socket.on("error", ignore)
    const reader = new SocketReader(socket, closedError)
    const writer = new SocketWriter(socket, closedError)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reader.close()
        closeGracefully(socket, linger)
      }),
    )
    return {
      remoteHost,
      pull: reader.pull,
      write: writer.write,
      end: Effect.sync(() => {
        if (!socket.destroyed && !socket.writableEnded) socket.end()
      }),
      reset: Effect.sync(() => {
        if (!socket.destroyed) socket.resetAndDestroy()
      }),
    }
  })

/**
 * Sends the written bytes and the end of the stream, then drops received bytes until the other side ends too. The
 * system resets a socket that is closed with unread bytes, and the reset can overtake the last bytes. Destroys the
 * socket after `linger` milliseconds. It keeps the process alive for {@link holdMillis} only.
 */
const closeGracefully = (socket: Net.Socket, linger: number): void => {
  if (socket.destroyed) return
  const timer = setTimeout(() => {
    // A plain destroy would end the stream normally, although written bytes are missing.
    if (socket.writableFinished) socket.destroy()
    else socket.resetAndDestroy()
  }, linger)
  timer.unref()
  const hold = setTimeout(() => socket.unref(), holdMillis)
  hold.unref()
  socket.once("close", () => {
    clearTimeout(timer)
    clearTimeout(hold)
  })
  if (!socket.writableEnded) socket.end()
  socket.resume()
}

const describe = (cause: Error | null): string => {
  if (cause === null) return "is closed"
  const code = errorCode(cause)
  return code === "ECONNRESET" || code === "EPIPE" ? "was reset" : `was lost: ${code ?? cause.message}`
}
