/** Server of Node that hands its sockets to one acceptor at a time. */
import type * as Effect from "effect/Effect"
import * as Net from "node:net"
import { AcceptQueue, type Arrival } from "./AcceptQueue.ts"
import { closeServer } from "./closeServer.ts"

export { maxWaiting } from "./AcceptQueue.ts"

const ignore = () => {}

export class SocketServer {
  /** Server of Node. New sockets are paused, so that no bytes are lost before a reader takes them. */
  readonly net = Net.createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true })
  private readonly queue = new AcceptQueue<Arrival>()

  constructor() {
    this.net.on("connection", (socket) => this.queue.offer({ socket, raw: socket }))
    // A connection that cannot be accepted must not end the process.
    this.net.on("error", ignore)
  }

  /** Hands the waiting sockets and all later ones to the acceptor until the effect is interrupted. */
  run(accept: (arrival: Arrival) => void): Effect.Effect<never> {
    return this.queue.run(accept)
  }

  /** Stops listening at once and destroys the waiting sockets. Accepted sockets stay open. */
  close(): void {
    this.queue.close()
    closeServer(this.net)
  }
}
