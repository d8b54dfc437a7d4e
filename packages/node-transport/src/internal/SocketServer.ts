/**
 * Server of Node that hands its sockets to one acceptor at a time. Sockets that arrive without an acceptor wait for the
 * next one, up to {@link maxWaiting}. The server resets further sockets.
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/**
 * Maximum number of sockets that wait for an acceptor. A node accepts them some milliseconds after it begins to listen,
 * and a starting cluster opens fewer sockets in that time.
 */
export const maxWaiting = 256

type Accept = (socket: Net.Socket) => void

const ignore = () => {}

const destroy: Accept = (socket) => void socket.destroy()

export class SocketServer {
  /** Server of Node. New sockets are paused, so that no bytes are lost before a reader takes them. */
  readonly net = Net.createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true })
  /** Sockets waiting for an acceptor. */
  private readonly waiting = new Set<Net.Socket>()

  private readonly enqueue: Accept = (socket) => {
    socket.on("error", ignore)
    if (this.waiting.size >= maxWaiting) return void socket.resetAndDestroy()
    socket.once("close", () => this.waiting.delete(socket))
    this.waiting.add(socket)
  }

  /** Receiver of new sockets: the acceptor, the queue of waiting sockets, or `destroy` once the server is closed. */
  private receive: Accept = this.enqueue

  constructor() {
    this.net.on("connection", (socket) => this.receive(socket))
    // A connection that cannot be accepted must not end the process.
    this.net.on("error", ignore)
  }

  /** Hands the waiting sockets and all later ones to the acceptor until the effect is interrupted. */
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

  /** Stops listening at once and destroys the waiting sockets. Accepted sockets stay open. */
  close(): void {
    this.receive = destroy
    for (const socket of this.waiting) socket.destroy()
    // A server that is about to listen does so in a later turn of the event loop.
    if (this.net.listening) this.net.close()
    else this.net.once("listening", () => this.net.close())
  }
}
