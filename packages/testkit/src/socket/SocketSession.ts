/** One connection of a `Socket`, from the acquisition of its reader to the end of the scope. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import type { TcpConnection } from "../network/TcpConnection.ts"

const closed = (code: number) => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })

const readFailed = (cause: unknown) => new Socket.SocketError({ reason: new Socket.SocketReadError({ cause }) })

const writeFailed = (cause: unknown) => new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause }) })

/** Close code of a connection that ended in order. */
const normal = 1000

/** Close code of a connection that this side closed under a waiting pull. */
const abnormal = 1006

const encoder = new TextEncoder()

const bytesOf = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)

export class SocketSession {
  private readonly tcp: TcpConnection
  /** Error of all later pulls. */
  private error: Socket.SocketError | undefined

  constructor(tcp: TcpConnection) {
    this.tcp = tcp
    this.pull = Effect.suspend(() => (this.error === undefined ? received : Effect.fail(this.error)))
    const received = Effect.catch(tcp.pull, (cause) => {
      this.error ??= Cause.isDone(cause) ? closed(normal) : readFailed(cause)
      // As with sockets of Node that do not allow half-open connections: the end that is read ends the own stream.
      if (Cause.isDone(cause)) tcp.end()
      return Effect.fail(this.error)
    })
  }

  /** Waits for the next batch of bytes. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Socket.SocketError>

  write(chunks: NonEmptyReadonlyArray<Uint8Array | string>): Effect.Effect<void, Socket.SocketError> {
    return Effect.suspend(() => {
      const { tcp } = this
      if (tcp.isWriteEnded) return Effect.fail(writeFailed(new Error("write after end")))
      const [first, ...rest] = chunks
      return Effect.mapError(tcp.write([bytesOf(first), ...rest.map(bytesOf)]), writeFailed)
    })
  }

  /** Ends the stream of this side, after all bytes that were written. */
  end(): void {
    this.tcp.end()
  }

  /** Closes the connection at the request of the program. A code above 1000 is an error for the own reader. */
  destroy({ code }: Socket.CloseEvent): void {
    this.close(code > normal ? readFailed(new Error(`closed with code ${code}`)) : closed(normal))
  }

  /** Closes the connection. A waiting pull fails. */
  close(error: Socket.SocketError = closed(abnormal)): void {
    this.error ??= error
    this.tcp.close()
  }
}
