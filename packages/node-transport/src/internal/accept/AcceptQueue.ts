/**
 * Hands connections to one acceptor at a time. Connections that arrive without an acceptor wait for the next one, up to a number in all
 * and of each host. The queue refuses further ones.
 */
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import { hostOf } from "../networks/ip.ts"
import { resetRaw } from "../socket/resetSocket.ts"

/** A socket that arrived. `raw` is the socket of TCP, which is another one below TLS. */
export interface Arrival {
  readonly socket: Net.Socket
  readonly raw: Net.Socket
}

export interface AcceptQueueOptions {
  readonly waiting: number
  readonly waitingPerHost: number
  /** Called before a socket without a place is reset. */
  readonly refused: (address: string) => void
}

type Accept<A> = (arrival: A) => void

const ignore = () => {}

export class AcceptQueue<A extends Arrival> {
  private readonly options: AcceptQueueOptions
  /** Connections that wait for an acceptor, with their hosts. */
  private readonly waiting = new Map<A, string>()

  constructor(options: AcceptQueueOptions) {
    this.options = options
  }

  private readonly enqueue: Accept<A> = (arrival) => {
    const { raw, socket } = arrival
    socket.on("error", ignore)
    const address = raw.remoteAddress
    if (address === undefined) return void socket.destroy()
    const host = hostOf(address)
    if (this.waiting.size >= this.options.waiting || this.countOf(host) >= this.options.waitingPerHost) {
      this.options.refused(address)
      return void resetRaw(raw)
    }
    socket.once("close", () => this.waiting.delete(arrival))
    this.waiting.set(arrival, host)
  }

  /** Receiver of new connections: the acceptor, the queue of those that wait, or `destroy` once the queue is closed. */
  private receive: Accept<A> = this.enqueue

  offer(arrival: A): void {
    this.receive(arrival)
  }

  /** Hands the waiting connections and all later ones to the acceptor until the effect is interrupted. */
  run(accept: Accept<A>): Effect.Effect<never> {
    return Effect.callback(() => {
      this.receive = accept
      for (const arrival of this.waiting.keys()) accept(arrival)
      this.waiting.clear()
      return Effect.sync(() => {
        if (this.receive === accept) this.receive = this.enqueue
      })
    })
  }

  /** Destroys the connections that wait, and all later ones. */
  close(): void {
    this.receive = destroy
    for (const { socket } of this.waiting.keys()) socket.destroy()
  }

  private countOf(host: string): number {
    let count = 0
    for (const each of this.waiting.values()) if (each === host) count++
    return count
  }
}

const destroy = ({ socket }: Arrival): void => void socket.destroy()
