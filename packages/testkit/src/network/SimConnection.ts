/** Simulated TCP connection with its two endpoints. */
import type * as Address from "@coterie/core/Address"
import type { Direction } from "./Direction.ts"
import { type Connection, Endpoint } from "./Endpoint.ts"

export class SimConnection implements Connection {
  readonly id: number
  readonly address: Address.Address
  readonly dialer: Endpoint
  readonly acceptor: Endpoint

  constructor(options: {
    readonly id: number
    readonly address: Address.Address
    readonly there: Direction
    readonly back: Direction
    /** Send buffer of each endpoint, unless its direction draws another one. */
    readonly sendBuffer: number
    readonly onDue: (endpoint: Endpoint) => void
  }) {
    const { address, back, id, onDue, sendBuffer, there } = options
    this.id = id
    this.address = address
    this.dialer = new Endpoint(this, there, there.sendBuffer(sendBuffer), onDue)
    this.acceptor = new Endpoint(this, back, back.sendBuffer(sendBuffer), onDue)
  }

  /** `opening` until both sides have the connection, `open` while both have it, then `closing`. */
  get state(): "opening" | "open" | "closing" {
    const { acceptor, dialer } = this
    if (dialer.state === "open" && acceptor.state === "open") return "open"
    return dialer.state === "opening" ? "opening" : "closing"
  }
}
