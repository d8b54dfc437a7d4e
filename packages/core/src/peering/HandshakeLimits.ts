/**
 * The bounds on connections of others that are in the handshake: in all, per remote host, and how many that find no room
 * get an answer.
 */
import type { Limits } from "../Limits.ts"

export class HandshakeLimits {
  private readonly limits: Pick<Limits, "handshakes" | "handshakesPerHost">
  private readonly perHost = new Map<string, number>()
  private handshakes = 0
  private rejecting = 0

  constructor(limits: Pick<Limits, "handshakes" | "handshakesPerHost">) {
    this.limits = limits
  }

  /** Returns how many connections are in the handshake. */
  size(): number {
    return this.handshakes
  }

  /** Counts a connection of the host, if there is room. Returns the function that uncounts it, once. */
  enter(host: string): (() => void) | undefined {
    const ofHost = this.perHost.get(host) ?? 0
    if (this.handshakes >= this.limits.handshakes || ofHost >= this.limits.handshakesPerHost) return undefined
    this.handshakes++
    this.perHost.set(host, ofHost + 1)
    let isCounted = true
    return () => {
      if (!isCounted) return
      isCounted = false
      this.leave(host)
    }
  }

  /**
   * Counts a connection that is told that there is no room, if few enough are. A crowd beyond that gets no answer. The
   * caller ends the count with `endRejection`.
   */
  startRejection(): boolean {
    if (this.rejecting >= this.limits.handshakes) return false
    this.rejecting++
    return true
  }

  endRejection(): void {
    this.rejecting--
  }

  private leave(host: string): void {
    this.handshakes--
    const left = (this.perHost.get(host) ?? 1) - 1
    if (left > 0) this.perHost.set(host, left)
    else this.perHost.delete(host)
  }
}
