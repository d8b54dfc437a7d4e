/** `Socket` on a TCP connection of the simulated network, with the behaviour of a socket on `node:net`. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { TcpConnection } from "../network/TcpConnection.ts"
import { SocketSession } from "./SocketSession.ts"

/** Connection that the writer of a socket uses. A writer waits while there is none. */
class PresentSession {
  private session: SocketSession | undefined
  private readonly connected = Latch.makeUnsafe(false)

  get current(): SocketSession | undefined {
    return this.session
  }

  set(session: SocketSession): void {
    this.session = session
    this.connected.openUnsafe()
  }

  clear(session: SocketSession): void {
    if (this.session !== session) return
    this.session = undefined
    this.connected.closeUnsafe()
  }

  /** Runs an operation on the present connection, or on the next one. */
  use(
    operation: (session: SocketSession) => Effect.Effect<void, Socket.SocketError>,
  ): Effect.Effect<void, Socket.SocketError> {
    return Effect.suspend(() =>
      this.session === undefined ? this.connected.whenOpen(this.use(operation)) : operation(this.session),
    )
  }
}

const writerOf = (present: PresentSession): Socket.Writer => ({
  write: (chunk) =>
    present.use((session) =>
      Socket.isCloseEvent(chunk) ? Effect.sync(() => session.destroy(chunk)) : session.write([chunk]),
    ),
  writeAll: (chunks: NonEmptyReadonlyArray<Uint8Array | string>) => present.use((session) => session.write(chunks)),
})

/**
 * Makes a socket. Each acquisition of its reader opens a connection, which the scope of the reader closes. Releasing the
 * writer ends the stream of the present connection.
 */
export const make = (open: Effect.Effect<TcpConnection, Socket.SocketError, Scope.Scope>): Socket.Socket => {
  const present = new PresentSession()
  return Socket.make({
    reader: Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const session = new SocketSession(yield* restore(open))
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            session.close()
            present.clear(session)
          }),
        )
        present.set(session)
        return { pull: session.pull, upgrade: Socket.SocketUpgradeError.unsupported }
      }),
    ),
    writer: Effect.acquireRelease(Effect.succeed(writerOf(present)), () => Effect.sync(() => present.current?.end())),
  })
}

/** Makes the error of a connection that could not be opened. */
export const openError = (cause: unknown, kind: Socket.SocketOpenError["kind"] = "Unknown"): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind, cause }) })
