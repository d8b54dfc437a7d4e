/** Connections with an endpoint that is not gone, in the order of dialing. */
import type { Direction } from "./Direction.ts"
import type { Connection } from "./Endpoint.ts"
import type { SimConnection } from "./SimConnection.ts"

const none: ReadonlySet<SimConnection> = new Set()

export class ConnectionTable {
  private readonly connections = new Map<number, SimConnection>()
  private readonly byDirection = new Map<Direction, Set<SimConnection>>()

  get size(): number {
    return this.connections.size
  }

  /** Iterates over all connections. */
  all(): Iterable<SimConnection> {
    return this.connections.values()
  }

  /** Adds a connection that was dialed after all others. */
  add(connection: SimConnection): void {
    const { direction } = connection.dialer
    const dialed = this.byDirection.get(direction)
    this.connections.set(connection.id, connection)
    if (dialed === undefined) this.byDirection.set(direction, new Set([connection]))
    else dialed.add(connection)
  }

  remove({ dialer, id }: Connection): void {
    const connection = this.connections.get(id)
    if (connection === undefined) return
    this.connections.delete(id)
    this.byDirection.get(dialer.direction)?.delete(connection)
  }

  /** Returns the connections that were dialed in the direction. */
  dialedIn(direction: Direction | undefined): ReadonlySet<SimConnection> {
    return (direction && this.byDirection.get(direction)) ?? none
  }

  /** Returns the connections that were dialed in either of two directions. */
  dialedInEither(there: Direction | undefined, back: Direction | undefined): ReadonlyArray<SimConnection> {
    const connections = [...this.dialedIn(there)]
    if (there !== back) connections.push(...this.dialedIn(back))
    return connections.sort((a, b) => a.id - b.id)
  }
}
