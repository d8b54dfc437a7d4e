/**
 * A server of Node that hands out TLS sockets whose other side has proved a key, one acceptor at a time. Sockets without a whole
 * handshake are cut after a deadline, and their number is bounded.
 */
import type * as Effect from "effect/Effect"
import * as Net from "node:net"
import type * as Tls from "node:tls"
import { AcceptQueue, type Arrival } from "./AcceptQueue.ts"
import { closeServer } from "./closeServer.ts"
import { type FindKey, makeServer } from "./secretTls.ts"

/**
 * Number of sockets in the TLS handshake. A restart of a cluster opens some dozens at once, and each costs at most the 131,396 bytes
 * that OpenSSL reads of a first message.
 */
export const maxHandshakes = 256

/** A TLS socket, the socket of TCP below it, and the id of the key that the other side has proved. */
export interface ProvedArrival extends Arrival {
  readonly key: string
}

const ignore = () => {}

export class SecretServer {
  /**
   * Server of Node. A socket is not half-open before the handshake is complete: a dialer that hangs up would keep its place until the
   * deadline.
   */
  readonly net = Net.createServer({ noDelay: true, allowHalfOpen: false, pauseOnConnect: true })
  /** Never listens: it gets the sockets of `net`. */
  private readonly tls: Tls.Server
  private readonly queue = new AcceptQueue<ProvedArrival>()
  /** Sockets in the handshake, by both ends, because Node does not say on which socket a TLS socket runs. */
  private readonly handshakes = new Map<string, Handshake>()
  private readonly handshakeMillis: number
  private closed = false

  constructor(findKey: FindKey, handshakeMillis: number) {
    this.handshakeMillis = handshakeMillis
    this.tls = makeServer(findKey, (socket, key) => this.proved(socket, key))
    // Node destroys most of these sockets by itself.
    this.tls.on("tlsClientError", (_cause, socket) => void socket.destroy())
    this.net.on("connection", (raw) => this.accept(raw))
    // A connection that cannot be accepted must not end the process.
    this.net.on("error", ignore)
  }

  /** Hands the sockets that wait and all later ones to the acceptor, until the effect is interrupted. */
  run(accept: (arrival: ProvedArrival) => void): Effect.Effect<never> {
    return this.queue.run(accept)
  }

  /** Stops listening at once, and destroys the sockets that wait or are in the handshake. Accepted sockets stay open. */
  close(): void {
    this.closed = true
    for (const { raw } of this.handshakes.values()) raw.destroy()
    this.queue.close()
    closeServer(this.net)
  }

  private accept(raw: Net.Socket): void {
    // TLS has no listener for errors of the socket below it.
    raw.on("error", ignore)
    const place = placeOf(raw)
    if (this.closed || place === undefined || this.handshakes.size >= maxHandshakes) return void raw.resetAndDestroy()
    const deadline = setTimeout(() => void raw.resetAndDestroy(), this.handshakeMillis)
    deadline.unref()
    const handshake = { deadline, raw }
    this.handshakes.set(place, handshake)
    raw.once("close", () => {
      clearTimeout(deadline)
      if (this.handshakes.get(place) === handshake) this.handshakes.delete(place)
    })
    this.tls.emit("connection", raw)
  }

  private proved(socket: Tls.TLSSocket, key: string): void {
    const place = placeOf(socket)
    const handshake = place === undefined ? undefined : this.handshakes.get(place)
    if (place === undefined || handshake === undefined) return void socket.destroy()
    clearTimeout(handshake.deadline)
    this.handshakes.delete(place)
    socket.allowHalfOpen = true
    this.queue.offer({ socket, raw: handshake.raw, key })
  }
}

interface Handshake {
  readonly raw: Net.Socket
  readonly deadline: NodeJS.Timeout
}

/** Both ends of a socket, which are unique while it is open. A socket that was reset has none. */
const placeOf = ({ localAddress, localPort, remoteAddress, remotePort }: Net.Socket): string | undefined =>
  remoteAddress === undefined ? undefined : `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`
