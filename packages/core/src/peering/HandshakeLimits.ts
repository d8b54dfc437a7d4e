/**
 * Limits on the connections of other peers in the handshake (docs/protocol.md, section "Handshake"): in total, per
 * remote host, and on simultaneous refusals. A connection that has not sent a complete Hello gives way to a newer
 * connection, so that a silent connection cannot hold a place.
 */
import type { Limits } from "../Limits.ts"
import { HandshakePlace } from "./HandshakePlace.ts"

/** Place of a new connection. */
export interface Entered {
  readonly place: HandshakePlace
  /** Place of another connection that gave way. The caller resets that connection. */
  readonly displaced: HandshakePlace | undefined
}

export class HandshakeLimits {
  private readonly limits: Pick<Limits, "handshakes" | "handshakesPerHost">
  /** Occupied places, oldest first. */
  private readonly places = new Set<HandshakePlace>()
  private rejecting = 0

  constructor(limits: Pick<Limits, "handshakes" | "handshakesPerHost">) {
    this.limits = limits
  }

  /** Returns the number of connections in the handshake. */
  size(): number {
    return this.places.size
  }

  /** Gives a place to a connection. Returns `undefined` if all places are taken and no connection can give way. */
  enter(connection: HandshakePlace["connection"]): Entered | undefined {
    const place = new HandshakePlace(connection)
    const isHostFull = this.countOf(place.host) >= this.limits.handshakesPerHost
    const isFull = isHostFull || this.places.size >= this.limits.handshakes
    const displaced = isFull ? this.yieldingTo(place.host, isHostFull) : undefined
    if (isFull && displaced === undefined) return undefined
    if (displaced !== undefined) {
      displaced.isDisplaced = true
      this.places.delete(displaced)
    }
    this.places.add(place)
    return { place, displaced }
  }

  /** Frees the place. Has no effect if the place is free. */
  leave(place: HandshakePlace): void {
    this.places.delete(place)
  }

  /**
   * Starts a refusal. Returns `false` if the maximum number of simultaneous refusals is reached; the connection then
   * gets no answer. The caller ends the refusal with `endRejection`.
   */
  startRejection(): boolean {
    if (this.rejecting >= this.limits.handshakes) return false
    this.rejecting++
    return true
  }

  endRejection(): void {
    this.rejecting--
  }

  private countOf(host: string): number {
    let count = 0
    for (const place of this.places) if (place.host === host) count++
    return count
  }

  /**
   * Returns the place that gives way to a new connection of the host: the oldest place of the host with the most
   * places, including the new one. A flood from one host therefore takes places from that host only. Only the age
   * counts. If connections without any bytes went first, a flood that sends one byte each would let no Hello arrive.
   */
  private yieldingTo(newcomer: string, ofHostOnly: boolean): HandshakePlace | undefined {
    const counts = new Map([[newcomer, 1]])
    for (const { host } of this.places) counts.set(host, (counts.get(host) ?? 0) + 1)
    let best: HandshakePlace | undefined
    let most = 0
    for (const place of this.places) {
      const count = counts.get(place.host) ?? 0
      if (!place.mayYield || count <= most || (ofHostOnly && place.host !== newcomer)) continue
      best = place
      most = count
    }
    return best
  }
}
