/** One host of a network, where transports are built. */
import type * as Transport from "@coterie/core/Transport"
import type { Process } from "./Environment.ts"

/** Writes a host as addresses do: in lower case, IPv6 without its brackets. */
export const canonical = (host: string): string => {
  const text = host.toLowerCase()
  return text.startsWith("[") ? text.slice(1, -1) : text
}

export class Host {
  readonly name: string
  /** `false` from a silent crash until the next transport is built here. */
  powered = true
  /** Number of endpoints here that are not gone. */
  endpoints = 0
  /** Number of open listeners. */
  listeners = 0

  constructor(name: string) {
    this.name = name
  }
}

/** A transport that was built at a host. It dies with the process that built it. */
export interface TransportInstance {
  readonly host: Host
  readonly process: Process
  alive: boolean
  /** Proof that the other ends of new connections see. */
  identity?: Transport.Identity | undefined
}
