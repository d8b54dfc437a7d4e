/**
 * Writes batches of arrays to a socket, one batch after the other. A write ends when the kernel has all bytes. From
 * then on the caller may reuse the arrays.
 */
import type * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import { OutcomeWaiter } from "../dns/OutcomeWaiter.ts"

type Write = Transport.Connection["write"]

const nothing = new Uint8Array(0)

export class SocketWriter {
  private readonly socket: Net.Socket
  private readonly closedError: () => Transport.TransportError

  constructor(socket: Net.Socket, closedError: () => Transport.TransportError) {
    this.socket = socket
    this.closedError = closedError
  }

  /** Writes the arrays in order. Fails if the socket is closed before the kernel has all bytes. */
  readonly write: Write = (chunks) =>
    Effect.suspend(() => {
      const { socket, waiter } = this
      if (socket.destroyed || socket.writableEnded) return Effect.fail(this.closedError())
      const last = chunks.length - 1
      if (last > 0) socket.cork()
      for (let i = 0; i < last; i++) socket.write(chunks[i] ?? nothing)
      socket.write(chunks[last] ?? nothing, waiter.wake)
      if (last > 0) socket.uncork()
      return this.outcome() ?? waiter.wait
    })

  /**
   * Returns the outcome of the last write, or `undefined` while the socket holds bytes that the kernel has not taken.
   */
  private readonly outcome = (): Effect.Effect<void, Transport.TransportError> | undefined =>
    this.socket.destroyed ? Effect.fail(this.closedError()) : this.socket.writableLength === 0 ? Effect.void : undefined

  /**
   * Waiter for the outcome. The callback of every write wakes it in a later turn of the event loop. If the kernel took
   * the bytes at once, the next write may have begun by then.
   */
  private readonly waiter = new OutcomeWaiter(this.outcome)
}
