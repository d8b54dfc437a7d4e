/**
 * Hosts from which a process has proved itself: those with an open connection, and others for an hour. They pay for no connection, and
 * have a reserve of places, so that a member which restarts comes back during an attack from other hosts.
 */
import type * as Net from "node:net"
import { hostOf } from "../networks/ip.ts"

/** Time for which a host is known after its last connection, in milliseconds: longer than a restart, a deployment or a repair takes. */
export const knownMillis = 3_600_000

interface Proof {
  /** Open connections. */
  open: number
  /** Time at which the last one was opened or closed. */
  at: number
}

export class KnownHosts {
  private readonly max: number
  /** The host that was proved last is the last one. */
  private readonly hosts = new Map<string, Proof>()

  /** `max` is the number of hosts. A host beyond it takes the place of the one whose last proof is the oldest. */
  constructor(max: number) {
    this.max = max
  }

  has(host: string, now: number): boolean {
    const proof = this.hosts.get(host)
    if (proof === undefined) return false
    if (proof.open > 0 || now - proof.at < knownMillis) return true
    this.hosts.delete(host)
    return false
  }

  /** Records a proof. */
  opened(host: string, now: number): void {
    const open = (this.hosts.get(host)?.open ?? 0) + 1
    this.hosts.delete(host)
    this.hosts.set(host, { open, at: now })
    if (this.hosts.size <= this.max) return
    for (const oldest of this.hosts.keys()) {
      this.hosts.delete(oldest)
      return
    }
  }

  /** Records the end of a connection that has proved something. */
  closed(host: string, now: number): void {
    const proof = this.hosts.get(host)
    if (proof === undefined) return
    // The host may have been forgotten, and its earlier connections with it.
    proof.open = Math.max(0, proof.open - 1)
    proof.at = now
  }

  /** Records the proof on a socket that is open, and its end. */
  follow(raw: Net.Socket): void {
    if (raw.remoteAddress === undefined || raw.destroyed) return
    const host = hostOf(raw.remoteAddress)
    this.opened(host, performance.now())
    raw.once("close", () => this.closed(host, performance.now()))
  }

  /** Returns the number of hosts. */
  size(): number {
    return this.hosts.size
  }
}
