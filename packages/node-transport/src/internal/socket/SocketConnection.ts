/** Socket of Node as a `Connection` of a transport. */
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import { errorCode } from "./errorCode.ts"
import { resetSocket } from "./resetSocket.ts"
import { SocketReader } from "./SocketReader.ts"
import { SocketWriter } from "./SocketWriter.ts"

/**
 * Time for which a closed connection keeps the process alive, in milliseconds. On most lines the last bytes and the end
 * of the other side need less. A process should end within one second.
 */
const holdMillis = 500

/** Parts of a connection below which TLS runs. */
export interface Secured {
  /** Socket of TCP, which TLS reads and writes. It has a listener for errors. */
  readonly raw: Net.Socket
  readonly identity: Transport.Identity
  readonly renewal: Effect.Effect<void>
  /**
   * Error of a connection that the other side ends before its first byte: it judges the proof of this node after the connection is open.
   */
  readonly unanswered?: ((cause: Error | null) => Transport.TransportError) | undefined
}

/**
 * Makes a connection of a socket from which nothing was read. When the scope closes, the socket gets `linger`
 * milliseconds to send the remaining bytes.
 *
 * Both ends must be opened with `allowHalfOpen`, so that the other direction stays open when one direction ends. `explainReset` follows
 * the message of a reset before the first byte.
 */
export const make = (
  socket: Net.Socket,
  linger: number,
  secured?: Secured,
  explainReset = "",
): Effect.Effect<Transport.Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const raw = secured?.raw ?? socket
    const remoteHost = (raw.remoteAddress ?? "").replace(/^::ffff:(?=[0-9.]+$)/, "")
    const closedError = () => {
      const cause = socket.errored ?? raw.errored
      const explanation = isReset(cause) && raw.bytesRead === 0 ? explainReset : ""
      return new Transport.TransportError({
        reason: "closed",
        message: `the connection to ${remoteHost} ${describe(cause)}${explanation}`,
        ...(cause === null ? {} : { cause }),
      })
    }
    // Without a listener, an error after the reader has closed ends the process. TLS leaves its socket open after an error.
    socket.on("error", (cause) => {
      if (!socket.destroyed) socket.destroy(cause)
    })
    const unanswered = secured?.unanswered
    const reader = new SocketReader(
      socket,
      closedError,
      unanswered === undefined ? undefined : () => unanswered(socket.errored ?? raw.errored),
    )
    const writer = new SocketWriter(socket, reader.error)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reader.close()
        closeGracefully(socket, raw, linger)
      }),
    )
    return {
      remoteHost,
      ...(secured === undefined ? {} : { identity: secured.identity, renewal: secured.renewal }),
      pull: reader.pull,
      write: writer.write,
      end: Effect.sync(() => {
        if (!socket.destroyed && !socket.writableEnded) socket.end()
      }),
      reset: Effect.sync(() => {
        if (socket.destroyed) return
        reader.closing()
        resetSocket(socket, raw)
      }),
    }
  })

/**
 * Sends the written bytes and the end of the stream, then drops received bytes until the other side ends too. The
 * system resets a socket that is closed with unread bytes, and the reset can overtake the last bytes. Destroys the
 * socket after `linger` milliseconds. It keeps the process alive for {@link holdMillis} only.
 */
const closeGracefully = (socket: Net.Socket, raw: Net.Socket, linger: number): void => {
  if (socket.destroyed) return
  const timer = setTimeout(() => {
    // A plain destroy would end the stream normally, although written bytes are missing.
    if (socket.writableFinished) socket.destroy()
    else resetSocket(socket, raw)
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
  return isReset(cause) ? "was reset" : `was lost: ${errorCode(cause) ?? cause.message}`
}

const isReset = (cause: Error | null): boolean => {
  const code = cause === null ? undefined : errorCode(cause)
  return code === "ECONNRESET" || code === "EPIPE"
}
