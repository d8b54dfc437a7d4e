/**
 * Reads a socket in flowing mode into a buffer, and pauses the socket while the buffer is full. docs/decisions/0022
 * gives the reasons and measurements.
 */
import type * as Transport from "@coterie/core/Transport"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import { OutcomeWaiter } from "../dns/OutcomeWaiter.ts"

type Pull = Transport.Connection["pull"]

/** Number of buffered bytes at which the reader pauses the socket. From then on the sender waits. */
const readAhead = 64 * 1024

const nothing = new Uint8Array(0)

export class SocketReader {
  /**
   * Takes all chunks of the buffer, and waits for a chunk if it is empty. Ends or fails as the socket does, after its
   * last chunk.
   */
  readonly pull: Pull
  private readonly socket: Net.Socket
  private readonly closedError: () => Transport.TransportError
  private readonly waiter: OutcomeWaiter<Effect.Success<Pull>, Effect.Error<Pull>>
  private chunks: Array<Uint8Array> = []
  private bytes = 0
  /** Outcome of a pull after the last chunk. It is set once. */
  private end: Pull | undefined = undefined

  constructor(socket: Net.Socket, closedError: () => Transport.TransportError) {
    this.socket = socket
    this.closedError = closedError
    this.waiter = new OutcomeWaiter(() => (this.chunks.length > 0 ? this.take : this.end))
    this.pull = this.waiter.wait
    socket.on("data", this.onData)
    socket.on("end", () => this.finish(Cause.done()))
    socket.on("close", () => this.finish(Effect.fail(closedError())))
    // Earlier events are not repeated, so the state of the socket is read here.
    if (socket.destroyed) this.finish(Effect.fail(closedError()))
    else if (socket.readableEnded) this.finish(Cause.done())
    else socket.resume()
  }

  /** Drops bytes that the socket receives from then on, and fails pulls once the buffer is empty. */
  close(): void {
    this.socket.off("data", this.onData)
    this.finish(Effect.fail(this.closedError()))
  }

  /** Runs in the pulling fiber, so that the chunks stay in the buffer if the fiber is interrupted just before. */
  private readonly take: Pull = Effect.sync(() => {
    const batch = this.chunks
    this.chunks = []
    this.bytes = 0
    if (this.end === undefined && this.socket.isPaused()) this.socket.resume()
    return Arr.isArrayNonEmpty(batch) ? batch : [nothing]
  })

  private readonly onData = (chunk: Uint8Array): void => {
    this.chunks.push(chunk)
    this.bytes += chunk.length
    this.waiter.wake()
    if (this.bytes >= readAhead) this.socket.pause()
  }

  private finish(end: Pull): void {
    this.end ??= end
    this.waiter.wake()
  }
}
