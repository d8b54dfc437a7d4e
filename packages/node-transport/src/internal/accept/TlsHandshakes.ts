/** Handshakes of TLS, by a server of Node that is given its sockets and never listens. */
import type * as Net from "node:net"
import type * as Tls from "node:tls"
import type { Arrival } from "./AcceptQueue.ts"
import type { Handshakes, Outcome } from "./Handshakes.ts"

/** Decides what a handshake has proved. */
export interface Judge<A extends Arrival> {
  /** Judges a handshake that is complete. `raw` is the socket below the TLS socket. */
  readonly proved: (socket: Tls.TLSSocket, raw: Net.Socket) => Outcome<A>
  /** Judges a handshake that failed. Returns `undefined` if the dialer went away, which is no refusal. */
  readonly failed: (socket: Tls.TLSSocket, cause: Error) => Outcome<A> | undefined
}

export class TlsHandshakes<A extends Arrival> implements Handshakes<A> {
  private readonly server: Tls.Server
  /** Handshakes by both ends of their socket, because Node does not say on which socket a TLS socket runs. */
  private readonly open = new Map<string, Handshake<A>>()

  constructor(server: Tls.Server, judge: Judge<A>) {
    this.server = server
    server.on("secureConnection", (socket) => {
      const handshake = this.take(socket)
      if (handshake === undefined) return void socket.destroy()
      // TLS may report an error of the socket after this.
      socket.on("error", ignore)
      const outcome = judge.proved(socket, handshake.raw)
      if (outcome._tag === "Proved") socket.allowHalfOpen = true
      handshake.finish(outcome)
    })
    server.on("tlsClientError", (cause, socket) => {
      const handshake = this.take(socket)
      const outcome = judge.failed(socket, cause)
      if (outcome !== undefined) handshake?.finish(outcome)
      // Node destroys most of these sockets by itself.
      socket.destroy()
    })
  }

  readonly start = (raw: Net.Socket, finish: (outcome: Outcome<A>) => void): void => {
    const place = placeOf(raw)
    if (place === undefined) return void raw.destroy()
    const handshake = { raw, finish }
    this.open.set(place, handshake)
    raw.once("close", () => {
      if (this.open.get(place) === handshake) this.open.delete(place)
    })
    this.server.emit("connection", raw)
  }

  /** Removes the handshake of a TLS socket, and returns it. */
  private take(socket: Net.Socket): Handshake<A> | undefined {
    const place = placeOf(socket)
    const handshake = place === undefined ? undefined : this.open.get(place)
    if (place !== undefined) this.open.delete(place)
    return handshake
  }
}

interface Handshake<A extends Arrival> {
  readonly raw: Net.Socket
  readonly finish: (outcome: Outcome<A>) => void
}

const ignore = () => {}

/** Both ends of a socket, which are unique while it is open. A socket that was reset has none. */
const placeOf = ({ localAddress, localPort, remoteAddress, remotePort }: Net.Socket): string | undefined =>
  remoteAddress === undefined ? undefined : `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`
