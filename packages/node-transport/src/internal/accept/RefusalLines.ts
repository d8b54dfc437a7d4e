/** Decides which refusals get a line in the log: one a minute of a host, and one about all that had none. */
import { hostOf } from "../networks/ip.ts"

/** Length of a period, in milliseconds. */
export const periodMillis = 60_000

/** Maximum number of hosts that are told apart in a period. They take less than a megabyte. */
export const maxHosts = 4_096

export class RefusalLines {
  private readonly max: number
  private end = Number.NEGATIVE_INFINITY
  private lines = 0
  private connections = 0
  private readonly hosts = new Set<string>()
  private hasMoreHosts = false

  /** `max` is the number of lines in a period, besides the one about all. */
  constructor(max: number) {
    this.max = max
  }

  /** Counts a refusal of an address at the time `now`, in milliseconds. Returns `true` if it gets a line. */
  take(address: string, now: number): boolean {
    if (now >= this.end) this.begin(now)
    this.connections++
    const host = hostOf(address)
    const isNew = !this.hosts.has(host)
    if (isNew && this.hosts.size >= maxHosts) this.hasMoreHosts = true
    else this.hosts.add(host)
    if (!isNew || this.lines >= this.max) return false
    this.lines++
    return true
  }

  /** Returns the time until the period ends, in milliseconds. */
  remaining(now: number): number {
    return Math.max(0, this.end - now)
  }

  /** Ends the period. Returns the text about all its refusals, or `undefined` if each of them got a line. */
  finish(): string | undefined {
    const { connections, hasMoreHosts, hosts, lines } = this
    this.end = Number.NEGATIVE_INFINITY
    this.connections = 0
    this.lines = 0
    if (connections <= lines) return undefined
    const count = `${hasMoreHosts ? "more than " : ""}${hosts.size} host${hosts.size === 1 ? "" : "s"}`
    return `refused ${connections} connections from ${count}`
  }

  private begin(now: number): void {
    this.end = now + periodMillis
    this.connections = 0
    this.lines = 0
    this.hosts.clear()
    this.hasMoreHosts = false
  }
}
