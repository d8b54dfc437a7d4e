/**
 * Hands sockets to one acceptor at a time. Sockets that arrive without an acceptor wait for the next one, up to
 * {@link maxWaiting}. The queue resets further sockets.
 */
import * as Effect from "effect/Effect"
import type * as Net from "node:net"

/**
 * Maximum number of sockets that wait for an acceptor. A node accepts them some milliseconds after it begins to listen,
 * and a starting cluster opens fewer sockets in that time.
 */
export const maxWaiting = 256

/** A socket that arrived. `raw` is the socket of TCP, which is another one below TLS. */
export interface Arrival {
  readonly socket: Net.Socket
  readonly raw: Net.Socket
}

type Accept<A> = (arrival: A) => void

const ignore = () => {}

export class AcceptQueue<A extends Arrival> {
  /** Sockets waiting for an acceptor. */
  private readonly waiting = new Set<A>()

  private readonly enqueue: Accept<A> = (arrival) => {
    arrival.socket.on("error", ignore)
    if (this.waiting.size >= maxWaiting) return void arrival.raw.resetAndDestroy()
    arrival.socket.once("close", () => this.waiting.delete(arrival))
    this.waiting.add(arrival)
  }

  /** Receiver of new sockets: the acceptor, the queue of waiting sockets, or `destroy` once the queue is closed. */
  private receive: Accept<A> = this.enqueue

  offer(arrival: A): void {
    this.receive(arrival)
  }

  /** Hands the waiting sockets and all later ones to the acceptor until the effect is interrupted. */
  run(accept: Accept<A>): Effect.Effect<never> {
    return Effect.callback(() => {
      this.receive = accept
      for (const arrival of this.waiting) {
        // A socket that was reset while it waited has no remote address.
        if (arrival.raw.remoteAddress === undefined) arrival.socket.destroy()
        else accept(arrival)
      }
      this.waiting.clear()
      return Effect.sync(() => {
        if (this.receive === accept) this.receive = this.enqueue
      })
    })
  }

  /** Destroys the sockets that wait, and all later ones. */
  close(): void {
    this.receive = destroy
    for (const { socket } of this.waiting) socket.destroy()
  }
}

const destroy = ({ socket }: Arrival): void => void socket.destroy()
