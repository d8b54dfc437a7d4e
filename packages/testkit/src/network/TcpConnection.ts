/** TCP connection of a program that uses sockets, with the errors that an operating system reports. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { type SystemError, systemError } from "../internal/systemError.ts"
import type { Connections } from "./Connections.ts"
import type { Endpoint } from "./Endpoint.ts"
import * as SimTransport from "./SimTransport.ts"

export class TcpConnection {
  private readonly connections: Connections
  private readonly endpoint: Endpoint

  constructor(connections: Connections, endpoint: Endpoint) {
    this.connections = connections
    this.endpoint = endpoint
    const { pull, write } = SimTransport.connectionOf(connections, endpoint)
    this.pull = Effect.mapError(pull, (error) => (Cause.isDone(error) ? error : this.lost("read")))
    this.write = (chunks) => Effect.mapError(write(chunks), () => this.lost("write"))
  }

  private lost(syscall: string): SystemError {
    return systemError(this.endpoint.timedOut ? "ETIMEDOUT" : "ECONNRESET", syscall)
  }

  /** Waits for the next batch of bytes. Ends after the end of the other side's stream. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, SystemError | Cause.Done>

  /**
   * Puts bytes into the buffer of the connection, in order with those of other calls. Succeeds when the network has
   * accepted all of them.
   */
  readonly write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, SystemError>

  /** Error with which the connection was lost, if it was. */
  get failure(): SystemError | undefined {
    return this.endpoint.state === "gone" ? this.lost("read") : undefined
  }

  /** `true` once this side has ended its stream. */
  get isWriteEnded(): boolean {
    return this.endpoint.writeEnded
  }

  /** Ends the stream of this side after all bytes that were written. */
  end(): void {
    this.connections.endWriting(this.endpoint)
  }

  /**
   * Closes the connection. Written bytes are delivered. Bytes that have arrived and were not read are discarded without
   * a reset, because Node has them in its own buffer.
   */
  close(): void {
    this.connections.close(this.endpoint)
  }
}
