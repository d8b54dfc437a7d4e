/** The hosts of a network, where transports are built, and the ways between them. */
import type { Link } from "./Link.ts"
import type { Way } from "./Way.ts"
import type { Process } from "./World.ts"

/** Hosts are written as addresses have them: in lower case, IPv6 without its brackets. */
export const canonical = (host: string): string => {
  const text = host.toLowerCase()
  return text.startsWith("[") ? text.slice(1, -1) : text
}

export class Host {
  readonly name: string
  /** Crashed silently, and without power since. */
  dark = false
  /** The ends of connections here that are not gone. */
  ends = 0
  listeners = 0
  /** To each host that it had to do with. */
  readonly ways = new Map<string, Way>()

  constructor(name: string) {
    this.name = name
  }
}

/** A transport that was built: what runs in one life of a host. */
export interface Node {
  readonly host: Host
  readonly process: Process
  alive: boolean
}

/** All that were ever heard of. */
export class Hosts {
  private readonly all = new Map<string, Host>()
  private readonly makeWay: (from: Host, to: Host) => Way

  constructor(makeWay: (from: Host, to: Host) => Way) {
    this.makeWay = makeWay
  }

  known(name: string): Host | undefined {
    return this.all.get(canonical(name))
  }

  at(name: string): Host {
    const known = this.known(name)
    if (known !== undefined) return known
    const host = new Host(canonical(name))
    this.all.set(host.name, host)
    return host
  }

  way(from: Host, to: Host): Way {
    const known = from.ways.get(to.name)
    if (known !== undefined) return known
    const way = this.makeWay(from, to)
    from.ways.set(to.name, way)
    return way
  }

  knownWay(from: string, to: string): Way | undefined {
    return this.known(from)?.ways.get(canonical(to))
  }

  /** The connections between two hosts, in the order of dialing. */
  links(hostA: string, hostB: string): ReadonlyArray<Link> {
    const there = this.knownWay(hostA, hostB)?.links ?? []
    const back = this.knownWay(hostB, hostA)?.links ?? []
    return there === back ? [...there] : [...there, ...back].sort((a, b) => a.id - b.id)
  }
}
