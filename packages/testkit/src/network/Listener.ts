/** Open listener. Accepted connections wait in its backlog until a program runs the listener. */
import type * as Address from "@coterie/core/Address"
import type { Endpoint } from "./Endpoint.ts"
import type { TransportInstance } from "./Host.ts"

export class Listener {
  readonly instance: TransportInstance
  readonly address: Address.Address
  /** `true` if only its own host can connect. */
  readonly isLoopback: boolean
  /** Endpoints that the host has accepted and the program has not. */
  private backlog: Array<Endpoint> = []
  /** Starts a handler. `undefined` while no program runs the listener. */
  private accept: ((endpoint: Endpoint) => void) | undefined

  constructor(instance: TransportInstance, address: Address.Address, isLoopback = false) {
    this.instance = instance
    this.address = address
    this.isLoopback = isLoopback
  }

  /** Adds a connection that has arrived. */
  offer(endpoint: Endpoint): void {
    this.backlog.push(endpoint)
    if (this.accept !== undefined) this.instance.process.enqueue(this.handOver)
  }

  /** Hands the backlog to the program. Must be called inside the process. */
  private readonly handOver = (): void => {
    const { accept } = this
    if (accept !== undefined) for (const endpoint of this.takeBacklog()) accept(endpoint)
  }

  /** Empties the backlog. The caller owns its endpoints. */
  takeBacklog(): ReadonlyArray<Endpoint> {
    const { backlog } = this
    this.backlog = []
    return backlog
  }

  /** Hands over the backlog and all later connections. */
  begin(accept: (endpoint: Endpoint) => void): void {
    this.accept = accept
    this.handOver()
  }

  /** Keeps later connections in the backlog. */
  stop(): void {
    this.accept = undefined
  }
}
