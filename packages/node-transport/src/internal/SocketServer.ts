/**
 * A server of Node that hands the sockets that it gets to one acceptor at a time. Sockets that come while there is no acceptor
 * wait for the next one, up to {@link maxWaiting}; the server resets the others.
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/**
 * Number of sockets that may wait for an acceptor. A node takes them some milliseconds after it began to listen, so more than
 * these are no cluster that starts.
 */
export const maxWaiting = 256

type Accept = (socket: Net.Socket) => void

const ignore = () => {}

const destroy: Accept = (socket) => void socket.destroy()

export class SocketServer {
  /** Server of Node. Sockets are paused, so that no bytes are lost before a reader has them. */
  readonly net = Net.createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true })
  /** Sockets that wait for an acceptor. */
  private readonly waiting = new Set<Net.Socket>()

  private readonly enqueue: Accept = (socket) => {
    socket.on("error", ignore)
    if (this.waiting.size >= maxWaiting) return void socket.resetAndDestroy()
    socket.once("close", () => this.waiting.delete(socket))
    this.waiting.add(socket)
  }

  /** Receiver of new sockets: the acceptor, the queue of those that wait, or `destroy` once the server is closed. */
  private receive: Accept = this.enqueue

  constructor() {
    this.net.on("connection", (socket) => this.receive(socket))
    // A connection that cannot be accepted must not end the process.
    this.net.on("error", ignore)
  }

  /** Hands the sockets that wait and all later ones to the acceptor, until the effect is interrupted. */
  run(accept: Accept): Effect.Effect<never> {
    return Effect.callback(() => {
      this.receive = accept
      for (const socket of this.waiting) {
        // A socket that was reset while it waited has no remote address.
        if (socket.remoteAddress === undefined) socket.destroy()
        else accept(socket)
      }
      this.waiting.clear()
      return Effect.sync(() => {
        if (this.receive === accept) this.receive = this.enqueue
      })
    })
  }

  /** Stops listening at once, and destroys the sockets that wait. Accepted sockets stay open. */
  close(): void {
    this.receive = destroy
    for (const socket of this.waiting) socket.destroy()
    // A server that begins to listen does so in a later turn of the event loop.
    if (this.net.listening) this.net.close()
    else this.net.once("listening", () => this.net.close())
  }
}
