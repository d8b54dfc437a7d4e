/**
 * The addresses at which a peer asked to be dialed later: the `retryAfter` of a HelloReject (docs/protocol.md, section "How
 * the acceptor judges a Hello"). It is kept by address, because a HelloReject does not name the peer that sent it.
 */
import type { Clock } from "effect/Clock"
import type { Address } from "../Address.ts"
import { monotonicMillis } from "../internal/time.ts"
import type { HandshakeError } from "../link/Handshake.ts"

/**
 * Longest pause that a peer can ask for, in milliseconds. A peer that asks for more is dialed after a minute, the longest pause
 * of the default `Reconnect` schedule: no liar can silence a dialer for longer than a dead peer does.
 */
export const maxRetryAfterMillis = 60_000

/**
 * Number of addresses that are remembered. More than a node dials in a minute: each takes a dial that was answered. Beyond it
 * the oldest are forgotten, which costs one early dial.
 */
export const maxAddresses = 1_024

/**
 * Share of a pause by which a random draw makes it longer, at most. Peers that were refused at one moment must not come back at
 * one moment, and a quarter of the second that a busy node asks for spreads hundreds of them.
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
   * Remembers the pause that a failed dial asks for, if it asks for one. `draw`, from 0 to 1, makes the pause longer by up
   * to {@link spread}.
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

  /** Forgets the pause of an address at which a peer has accepted this node. */
  forget(address: Address): void {
    this.until.delete(address)
  }

  /** Returns how long an address must not be dialed, in whole milliseconds; 0 if it may be dialed now. */
  remaining(address: Address): number {
    const until = this.until.get(address)
    return until === undefined ? 0 : Math.max(0, Math.ceil(until - monotonicMillis(this.clock)))
  }

  /** Returns how long none of the addresses may be dialed, in milliseconds; 0 if one of them may be dialed now. */
  remainingOfAll(addresses: ReadonlyArray<Address>): number {
    let least = Number.POSITIVE_INFINITY
    for (const address of addresses) least = Math.min(least, this.remaining(address))
    return least === Number.POSITIVE_INFINITY ? 0 : least
  }
}

/** Returns the pause that a `busy` peer asks for, in milliseconds, or `undefined` if the error asks for none. */
export const pauseOf = (error: HandshakeError): number | undefined =>
  error._tag === "HandshakeRejected" && error.by === "them" && error.code === "busy" ? error.retryAfter : undefined
