/**
 * Addresses at which a peer asked for a later dial: the `retryAfter` of a HelloReject (docs/protocol.md, section "How
 * the acceptor judges a Hello"). The pauses are stored by address, because a HelloReject does not name its sender.
 */
import type { Clock } from "effect/Clock"
import type { Address } from "../Address.ts"
import { monotonicMillis } from "../internal/time.ts"
import type { HandshakeError } from "../link/Handshake.ts"

/**
 * Longest pause that a peer can request, in milliseconds. It is the longest pause of the default `Reconnect` schedule.
 * A faulty peer therefore cannot delay dials for longer than an unreachable peer does.
 */
export const maxRetryAfterMillis = 60_000

/**
 * Maximum number of remembered addresses. It is more than a node dials in a minute, because each entry takes an
 * answered dial. Beyond it the oldest entries are dropped, which costs one early dial each.
 */
export const maxAddresses = 1_024

/**
 * Maximum share by which a random draw extends a pause. Peers that were refused at the same time must not return at the
 * same time. A quarter of the second that a busy node requests spreads hundreds of peers.
 */
const spread = 0.25

export class RetryAfter {
  private readonly clock: Clock
  /** Time from which an address may be dialed again, in milliseconds on the monotonic clock. */
  private readonly until = new Map<Address, number>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /**
   * Records the pause that a failed dial requests, if it requests one. `draw`, from 0 to 1, extends the pause by up to
   * {@link spread}.
   */
  note(address: Address, error: HandshakeError, draw: number): void {
    const pause = pauseOf(error)
    if (pause === undefined) return
    const now = monotonicMillis(this.clock)
    for (const [each, time] of this.until) if (time <= now) this.until.delete(each)
    this.until.delete(address)
    this.until.set(address, now + Math.min(pause * (1 + spread * draw), maxRetryAfterMillis))
    for (const oldest of this.until.keys()) {
      if (this.until.size <= maxAddresses) break
      this.until.delete(oldest)
    }
  }

  /** Removes the pause of an address at which a peer accepted this node. */
  forget(address: Address): void {
    this.until.delete(address)
  }

  /** Returns the remaining pause of an address, in whole milliseconds; 0 if it may be dialed now. */
  remaining(address: Address): number {
    const until = this.until.get(address)
    return until === undefined ? 0 : Math.max(0, Math.ceil(until - monotonicMillis(this.clock)))
  }

  /** Returns the time until one of the addresses may be dialed, in milliseconds; 0 if one of them may be dialed now. */
  remainingOfAll(addresses: ReadonlyArray<Address>): number {
    let least = Number.POSITIVE_INFINITY
    for (const address of addresses) least = Math.min(least, this.remaining(address))
    return least === Number.POSITIVE_INFINITY ? 0 : least
  }
}

/** Returns the pause that a `busy` peer requests, in milliseconds, or `undefined` if the error requests none. */
export const pauseOf = (error: HandshakeError): number | undefined =>
  error._tag === "HandshakeRejected" && error.by === "them" && error.code === "busy" ? error.retryAfter : undefined
