/**
 * A server of Node that hands out the connections whose handshake is complete, one acceptor at a time. Sockets without a whole handshake
 * are cut after a deadline, and their number is bounded.
 */
import type * as Effect from "effect/Effect"
import * as Net from "node:net"
import { AcceptQueue, type Arrival } from "./AcceptQueue.ts"
import { closeServer } from "./closeServer.ts"
import type { Handshakes, Outcome } from "./Handshakes.ts"
import { type AcceptObserver, noObserver, type RefusalReason } from "./Refusal.ts"

/**
 * Number of sockets in the handshake. A restart of a cluster opens some dozens at once, and each costs at most the 131,396 bytes
 * that OpenSSL reads of a first message.
 */
export const maxHandshakes = 256

const ignore = () => {}

export class AcceptServer<A extends Arrival> {
  /**
   * Server of Node. New sockets are paused, so that no bytes are lost before a reader takes them. A socket is not half-open before its
   * handshake is complete: a dialer that hangs up would keep its place until the deadline.
   */
  readonly net = Net.createServer({ noDelay: true, allowHalfOpen: false, pauseOnConnect: true })
  private readonly handshakes: Handshakes<A>
  private readonly handshakeMillis: number
  private readonly observer: AcceptObserver
  private readonly queue = new AcceptQueue<A>()
  /** Sockets in the handshake, with their deadlines. */
  private readonly open = new Map<Net.Socket, NodeJS.Timeout>()
  private closed = false

  constructor(handshakes: Handshakes<A>, handshakeMillis: number, observer: AcceptObserver = noObserver) {
    this.handshakes = handshakes
    this.handshakeMillis = handshakeMillis
    this.observer = observer
    this.net.on("connection", (raw) => this.accept(raw))
    // A connection that cannot be accepted must not end the process.
    this.net.on("error", ignore)
  }

  /** Hands the connections that wait and all later ones to the acceptor, until the effect is interrupted. */
  run(accept: (arrival: A) => void): Effect.Effect<never> {
    return this.queue.run(accept)
  }

  /** Stops listening at once, and destroys the sockets that wait or are in the handshake. Accepted sockets stay open. */
  close(): void {
    this.closed = true
    for (const raw of this.open.keys()) raw.destroy()
    this.queue.close()
    closeServer(this.net)
  }

  private accept(raw: Net.Socket): void {
    // TLS has no listener for errors of the socket below it.
    raw.on("error", ignore)
    if (this.closed) return void raw.resetAndDestroy()
    if (this.open.size >= maxHandshakes) return this.refuse(raw, "crowd")
    const deadline = setTimeout(() => this.refuse(raw, "slow"), this.handshakeMillis)
    deadline.unref()
    this.open.set(raw, deadline)
    raw.once("close", () => this.ended(raw))
    this.handshakes.start(raw, (outcome) => this.finish(raw, outcome))
  }

  private finish(raw: Net.Socket, outcome: Outcome<A>): void {
    const isOpen = this.ended(raw)
    if (isOpen && outcome._tag === "Refused") this.observer.refused({ address: addressOf(raw), reason: outcome.reason })
    if (isOpen && outcome._tag === "Proved") this.queue.offer(outcome.arrival)
    // A reset could overtake the alert of TLS.
    else raw.destroy()
  }

  private refuse(raw: Net.Socket, reason: RefusalReason): void {
    this.observer.refused({ address: addressOf(raw), reason })
    raw.resetAndDestroy()
  }

  /** Frees the place of a socket. Returns `false` if the socket has none. */
  private ended(raw: Net.Socket): boolean {
    clearTimeout(this.open.get(raw))
    return this.open.delete(raw)
  }
}

const addressOf = ({ remoteAddress }: Net.Socket): string => remoteAddress ?? "unknown"
