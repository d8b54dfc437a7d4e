/** All hosts that were named in a network, and the directions between them. */
import type { Direction } from "./Direction.ts"
import { canonical, Host } from "./Host.ts"

export class HostTable {
  private readonly hosts = new Map<string, Host>()
  /** Directions that were used, by sender and by the name of the receiver. */
  private readonly directions = new Map<Host, Map<string, Direction>>()
  private readonly makeDirection: (from: Host, to: Host) => Direction

  constructor(makeDirection: (from: Host, to: Host) => Direction) {
    this.makeDirection = makeDirection
  }

  /** Returns the host if it was named before. */
  find(name: string): Host | undefined {
    return this.hosts.get(canonical(name))
  }

  /** Returns the host of a node by its name or its address. */
  findNode(name: string): Host | undefined {
    const named = this.find(name)
    if (named?.isNode === true) return named
    for (const host of this.hosts.values()) if (host.isNode && host.ip === name) return host
    return undefined
  }

  /** Returns the host. Makes it if it does not exist. */
  get(name: string): Host {
    const known = this.find(name)
    if (known !== undefined) return known
    const host = new Host(canonical(name), this.hosts.size + 1)
    this.hosts.set(host.name, host)
    return host
  }

  /** Returns the direction. Makes it if it does not exist. */
  direction(from: Host, to: Host): Direction {
    const directions = this.directions.get(from) ?? new Map<string, Direction>()
    const direction = directions.get(to.name) ?? this.makeDirection(from, to)
    this.directions.set(from, directions.set(to.name, direction))
    return direction
  }

  /** Returns the direction if it was used before. */
  findDirection(from: string, to: string): Direction | undefined {
    const host = this.find(from)
    return host === undefined ? undefined : this.directions.get(host)?.get(canonical(to))
  }
}
