/** All hosts that were ever named in a network, and the directions between them. */
import type { Direction } from "./Direction.ts"
import { canonical, Host } from "./Host.ts"
import type { SimConnection } from "./SimConnection.ts"

export class HostTable {
  private readonly hosts = new Map<string, Host>()
  private readonly makeDirection: (from: Host, to: Host) => Direction

  constructor(makeDirection: (from: Host, to: Host) => Direction) {
    this.makeDirection = makeDirection
  }

  /** Returns the host if it was named before. */
  find(name: string): Host | undefined {
    return this.hosts.get(canonical(name))
  }

  /** Returns the host; makes it if needed. */
  get(name: string): Host {
    const known = this.find(name)
    if (known !== undefined) return known
    const host = new Host(canonical(name))
    this.hosts.set(host.name, host)
    return host
  }

  /** Returns the direction; makes it if needed. */
  direction(from: Host, to: Host): Direction {
    const known = from.directions.get(to.name)
    if (known !== undefined) return known
    const direction = this.makeDirection(from, to)
    from.directions.set(to.name, direction)
    return direction
  }

  /** Returns the direction if it was used before. */
  findDirection(from: string, to: string): Direction | undefined {
    return this.find(from)?.directions.get(canonical(to))
  }

  /** Returns the connections between two hosts, in the order of dialing. */
  connections(hostA: string, hostB: string): ReadonlyArray<SimConnection> {
    const there = this.findDirection(hostA, hostB)?.connections ?? []
    const back = this.findDirection(hostB, hostA)?.connections ?? []
    return there === back ? [...there] : [...there, ...back].sort((a, b) => a.id - b.id)
  }
}
