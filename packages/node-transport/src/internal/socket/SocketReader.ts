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
  /** Error of an end before the first byte, until that byte has arrived or this node has closed the connection. */
  private unanswered: (() => Transport.TransportError) | undefined
  private readonly waiter: OutcomeWaiter<Effect.Success<Pull>, Effect.Error<Pull>>
  private chunks: Array<Uint8Array> = []
  private bytes = 0
  /** Outcome of a pull after the last chunk. It is set once. */
  private end: Pull | undefined = undefined

  /** `unanswered` is the error of a connection that ends before its first byte. Without it, such an end is an end like any other. */
  constructor(
    socket: Net.Socket,
    closedError: () => Transport.TransportError,
    unanswered?: () => Transport.TransportError,
  ) {
    this.socket = socket
    this.closedError = closedError
    this.unanswered = unanswered
    this.waiter = new OutcomeWaiter(() => (this.chunks.length > 0 ? this.take : this.end))
    this.pull = this.waiter.wait
    socket.on("data", this.onData)
    socket.on("end", () => this.ended())
    socket.on("close", () => this.finish(Effect.fail(this.error())))
    // Earlier events are not repeated, so the state of the socket is read here.
    if (socket.destroyed) this.finish(Effect.fail(this.error()))
    else if (socket.readableEnded) this.ended()
    else socket.resume()
  }

  /** Error of the connection. It is the same for reads and writes. */
  readonly error = (): Transport.TransportError => (this.unanswered ?? this.closedError)()

  /** From now on an end is the work of this node. */
  closing(): void {
    this.unanswered = undefined
  }

  /** Drops bytes that the socket receives from then on, and fails pulls once the buffer is empty. */
  close(): void {
    this.closing()
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
    this.unanswered = undefined
    this.chunks.push(chunk)
    this.bytes += chunk.length
    this.waiter.wake()
    if (this.bytes >= readAhead) this.socket.pause()
  }

  private ended(): void {
    this.finish(this.unanswered === undefined ? Cause.done() : Effect.fail(this.unanswered()))
  }

  private finish(end: Pull): void {
    this.end ??= end
    this.waiter.wake()
  }
}
