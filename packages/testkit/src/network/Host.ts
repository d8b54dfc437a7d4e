/** Host of a network, at which transports are built. */
import type * as Transport from "@coterie/core/Transport"
import type { Process } from "./Environment.ts"

/** Returns a host in the form of addresses: in lower case, and IPv6 without brackets. */
export const canonical = (host: string): string => {
  const text = host.toLowerCase()
  return text.startsWith("[") ? text.slice(1, -1) : text
}

export class Host {
  readonly name: string
  /** IPv4 address, for programs that use sockets. */
  readonly ip: string
  /** `true` once a node runs here, or will run here. Before, the name cannot be resolved. */
  isNode = false
  /** `false` from a silent crash until the next transport is built here. */
  powered = true
  /** Number of endpoints here that are not gone. */
  endpoints = 0
  /** Number of open listeners. */
  listeners = 0

  /** Makes a host with the n-th address of the network. */
  constructor(name: string, n: number) {
    this.name = name
    this.ip = `10.${[n >> 16, n >> 8, n].map((part) => part & 0xff).join(".")}`
  }
}

/** Transport that was built at a host. It ends with the process that built it. */
export interface TransportInstance {
  readonly host: Host
  readonly process: Process
  alive: boolean
  /** Proof that the other ends of new connections see. */
  identity?: Transport.Identity | undefined
}
