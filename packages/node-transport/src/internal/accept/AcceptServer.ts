/**
 * A server of Node that hands out the connections whose handshake is complete, one acceptor at a time. The gate decides which
 * connections may begin.
 */
import type * as Effect from "effect/Effect"
import * as Net from "node:net"
import { unmapped, withoutZone } from "../networks/ip.ts"
import { AcceptQueue, type Arrival } from "./AcceptQueue.ts"
import { closeServer } from "./closeServer.ts"
import { Gate, type GateOptions } from "./Gate.ts"
import type { Beginning, Handshakes } from "./Handshakes.ts"
import type { AcceptObserver } from "./Refusal.ts"
import { WaitingRoom } from "./WaitingRoom.ts"
import { resetRaw } from "../socket/resetSocket.ts"

const ignore = () => {}

export interface AcceptServerOptions<A extends Arrival> {
  /** Bounds of the waiting connections, too. */
  readonly gate: GateOptions
  readonly beginning: Beginning<A>
  readonly observer: AcceptObserver
}

/** Takes a socket that was accepted. */
interface Entrance {
  readonly enter: (raw: Net.Socket, address: string) => void
  readonly close: () => void
}

export class AcceptServer<A extends Arrival> {
  /**
   * Server of Node. New sockets are paused, so that no bytes are lost before a reader takes them. A socket is not half-open before its
   * handshake is complete: a dialer that hangs up would keep its place until the deadline.
   */
  readonly net: Net.Server
  private readonly observer: AcceptObserver
  private readonly queue: AcceptQueue<A>
  private readonly entrance: Entrance
  private closed = false

  constructor({ beginning, gate, observer }: AcceptServerOptions<A>) {
    this.observer = observer
    this.queue = new AcceptQueue({
      ...gate.bounds,
      refused: (address) => observer.refused({ address: plain(address), reason: "crowd" }),
    })
    this.entrance =
      beginning._tag === "Unread"
        ? this.openEntrance(gate, beginning.handshakes)
        : new WaitingRoom({
            gate,
            choose: beginning.choose,
            deliver: (arrival) => this.queue.offer(arrival),
            refused: observer.refused,
          })
    this.net = Net.createServer({
      noDelay: true,
      allowHalfOpen: false,
      pauseOnConnect: true,
      // A socket whose first bytes were put back must not read on. Later reads, of TLS and in flowing mode, are not bounded by this.
      ...(beginning._tag === "Unread" ? {} : { highWaterMark: 1 }),
    })
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
    this.entrance.close()
    this.queue.close()
    closeServer(this.net)
  }

  private accept(raw: Net.Socket): void {
    // TLS has no listener for errors of the socket below it.
    raw.on("error", ignore)
    const { remoteAddress } = raw
    // A socket that was reset has no address.
    if (this.closed || remoteAddress === undefined) return void resetRaw(raw)
    this.entrance.enter(raw, plain(remoteAddress))
  }

  /** Returns the entrance without a proof, at which nobody waits and no host becomes known. */
  private openEntrance(options: GateOptions, handshakes: Handshakes<A>): Entrance {
    const gate = new Gate<Net.Socket>(options, performance.now())
    return {
      enter: (raw, address) => {
        const reason = gate.check(address, performance.now())
        if (reason !== undefined) {
          this.observer.refused({ address, reason })
          return void resetRaw(raw)
        }
        handshakes.start(raw, (outcome) => {
          if (outcome._tag === "Refused") raw.destroy()
          else this.queue.offer(outcome.arrival)
        })
      },
      close: ignore,
    }
  }
}

/** Returns an address as the log shows it. */
const plain = (address: string): string => unmapped(withoutZone(address))
