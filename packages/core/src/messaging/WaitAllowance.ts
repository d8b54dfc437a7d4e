/**
 * The time for which messages to many may wait for a peer: `limits.slowPeerTimeout` for each of its lanes, and as much
 * for its connection, until the peer gives credit for a whole frame. The accounts outlive the links of the peer. So a
 * peer that connects again and again, or that never completes a handshake, delays messages to others no longer than a
 * peer that keeps its link.
 *
 * A peer that was cut off may have used up its time in vain, and have given no credit on its new link yet. Messages to
 * many may wait for all such peers together for another `limits.slowPeerTimeout`, of which a tenth of the elapsed time
 * returns ({@link waitShare}). So any number of peers that never give credit delays messages to others for at most that
 * part of the time (docs/messages.md, section "Slow subscribers").
 */
import type { Clock } from "effect/Clock"
import type { Slowness } from "../flow/Slowness.ts"
import { monotonicMillis } from "../internal/time.ts"
import { maxLanes } from "../protocol/constants.ts"

/** Part of the elapsed time for which messages to many may wait for peers that have used up their own time. */
export const waitShare = 0.1

/** Stands for what precedes the lanes of a peer: a connection that is about to come up, and its list of lanes. */
export const connection: unique symbol = Symbol("connection")

/** Lack for which a message to many waits: credit of the lane with this name, or the connection. */
export type Missing = string | typeof connection

/** Waits for a peer since it last gave credit. */
interface Account {
  /** Time of the waits, in milliseconds, at most the timeout. Time in which several messages waited counts once. */
  spent: number
  /** End of the last wait. */
  until: number
  /** The lane that gave no credit at the end of the last wait, and its credit so far. */
  slowness: Slowness | undefined
  grants: number
}

export interface Options {
  /** Time that messages may wait for a peer, and for all peers without time of their own, in milliseconds. */
  readonly timeout: number
  /** Maximum number of peers with accounts. The oldest accounts are dropped. */
  readonly peers: number
  readonly clock: Clock
}

export class WaitAllowance {
  private readonly options: Options
  private readonly accounts = new Map<string, Map<Missing, Account>>()
  private readonly reserve = new Reserve()

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the current time for {@link spend}. */
  readonly now = (): number => monotonicMillis(this.options.clock)

  /** Returns the whole milliseconds for which messages to many may still wait. */
  left(peer: string, missing: Missing): number {
    const { timeout } = this.options
    const account = this.accounts.get(peer)?.get(missing)
    if (account === undefined) return timeout
    const reserve = Math.max(0, timeout - this.reserve.spentAt(this.now()))
    return Math.floor(Math.min(timeout, timeout - account.spent + reserve))
  }

  /** Records a wait that started at `since` and ends now. `slowness` is that of the lane, if the peer has it open. */
  spend(peer: string, missing: Missing, since: number, slowness: Slowness | undefined): void {
    const now = this.now()
    if (now <= since) return
    const account = this.accountOf(peer, missing)
    const start = Math.max(since, account.until)
    const own = Math.min(now - start, this.options.timeout - account.spent)
    account.spent += own
    account.until = now
    account.slowness = slowness
    account.grants = slowness?.grants ?? 0
    this.reserve.spend(start + own, now)
  }

  /** Ends the accounts of a lane and of the connection if the peer has given credit on the lane since the last wait. */
  noticeCredit(peer: string, lane: string, slowness: Slowness): void {
    // Usually no peer has an account.
    if (this.accounts.size === 0 || slowness.grants === 0) return
    const ofPeer = this.accounts.get(peer)
    if (ofPeer === undefined) return
    ofPeer.delete(connection)
    const account = ofPeer.get(lane)
    if (account?.slowness !== slowness || slowness.grants > account.grants) ofPeer.delete(lane)
    if (ofPeer.size === 0) this.accounts.delete(peer)
  }

  private accountOf(peer: string, missing: Missing): Account {
    const ofPeer = this.accounts.get(peer) ?? new Map<Missing, Account>()
    const account = ofPeer.get(missing) ?? { spent: 0, until: -Infinity, slowness: undefined, grants: 0 }
    ofPeer.set(missing, account)
    this.accounts.set(peer, ofPeer)
    dropOldest(ofPeer, maxLanes)
    dropOldest(this.accounts, this.options.peers)
    return account
  }
}

/** Waits for all peers that have used up their own time. Time in which several messages waited counts once. */
class Reserve {
  /** Time of the waits that had not returned at the end of the last wait, in milliseconds. */
  private spent = 0
  private until = -Infinity

  /** Returns the time that has not returned at a time after the last wait. */
  spentAt(now: number): number {
    return Math.max(0, this.spent - (now - this.until) * waitShare)
  }

  spend(since: number, now: number): void {
    const start = Math.max(since, this.until)
    if (now <= start) return
    this.spent = this.spentAt(start) + (now - start)
    this.until = now
  }
}

const dropOldest = (map: Map<unknown, unknown>, size: number): void => {
  for (const key of map.keys()) {
    if (map.size <= size) return
    map.delete(key)
  }
}
