/**
 * The bounds on connections of others that are in the handshake: in all, per remote host, and how many that find no room
 * get an answer. A connection that has not sent a whole Hello gives way to a newcomer, so that silence holds no place
 * (docs/protocol.md, section "Handshake").
 */
import type { Limits } from "../Limits.ts"
import { HandshakePlace } from "./HandshakePlace.ts"

/** A newcomer that got a place. */
export interface Entered {
  readonly place: HandshakePlace
  /** Place that was taken from another connection, which the caller resets. */
  readonly displaced: HandshakePlace | undefined
}

export class HandshakeLimits {
  private readonly limits: Pick<Limits, "handshakes" | "handshakesPerHost">
  /** The places that are held, the oldest first. */
  private readonly places = new Set<HandshakePlace>()
  private rejecting = 0

  constructor(limits: Pick<Limits, "handshakes" | "handshakesPerHost">) {
    this.limits = limits
  }

  /** Returns how many connections are in the handshake. */
  size(): number {
    return this.places.size
  }

  /** Gives a place to a connection. Returns `undefined` if there is none and nobody can give way. */
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

  /** Frees the place. No effect if it is free. */
  leave(place: HandshakePlace): void {
    this.places.delete(place)
  }

  /**
   * Counts a connection that is told that there is no room, or that it is refused, if few enough are. A crowd beyond that gets
   * no answer. The caller ends the count with `endRejection`.
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
   * Returns the place that gives way to a newcomer of the host: the oldest of the host that holds most places, the newcomer
   * counted, so that the flood of one host takes its places from itself. Age alone counts: if those that sent nothing went
   * first, one byte from each of a flood would let no Hello arrive.
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
