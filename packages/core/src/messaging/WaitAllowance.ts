/**
 * The time for which messages to many may wait for a peer: `limits.slowPeerTimeout` for each of its lanes, and as much
 * for its connection. Time that was spent returns at once when the peer gives credit for a whole frame, and otherwise
 * slowly ({@link waitShare}). The accounts outlive the links of the peer. So a peer that connects again and again, or
 * that never completes a handshake, delays messages to others for a small part of the time, and a peer that was cut off
 * gets messages again before it has given credit (docs/messages.md, section "Slow subscribers").
 */
import type { Clock } from "effect/Clock"
import type { Slowness } from "../flow/Slowness.ts"
import { monotonicMillis } from "../internal/time.ts"
import { maxLanes } from "../protocol/constants.ts"

/** Stands for what precedes the lanes of a peer: a connection that is about to come up, and its list of lanes. */
export const connection: unique symbol = Symbol("connection")

/**
 * Part of the elapsed time that returns to an allowance: a tenth, so that a peer that never gives credit delays
 * messages to many for at most a tenth of the time.
 */
export const waitShare = 0.1

/** Lack for which a message to many waits: credit of the lane with this name, or the connection. */
export type Missing = string | typeof connection

/** Waits since the peer last gave credit. */
interface Account {
  /**
   * Time of the waits that has not returned, in milliseconds, at the end of the last wait. Time in which several
   * messages waited counts once.
   */
  spent: number
  /** End of the last wait. */
  until: number
  /** The lane that gave no credit at the end of the last wait, and its credit so far. */
  slowness: Slowness | undefined
  grants: number
}

export interface Options {
  /** Time that messages may wait in all, in milliseconds. */
  readonly timeout: number
  /** Maximum number of peers with accounts. The oldest accounts are dropped. */
  readonly peers: number
  readonly clock: Clock
}

export class WaitAllowance {
  private readonly options: Options
  private readonly accounts = new Map<string, Map<Missing, Account>>()

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the current time for {@link spend}. */
  readonly now = (): number => monotonicMillis(this.options.clock)

  /** Returns the whole milliseconds for which messages to many may still wait. */
  left(peer: string, missing: Missing): number {
    const { timeout } = this.options
    const account = this.accounts.get(peer)?.get(missing)
    return account === undefined ? timeout : Math.max(0, Math.floor(timeout - spentAt(account, this.now())))
  }

  /** Records a wait that started at `since` and ends now. `slowness` is that of the lane, if the peer has it open. */
  spend(peer: string, missing: Missing, since: number, slowness: Slowness | undefined): void {
    const now = this.now()
    if (now <= since) return
    const account = this.accountOf(peer, missing)
    const start = Math.max(since, account.until)
    account.spent = spentAt(account, start) + (now - start)
    account.until = now
    account.slowness = slowness
    account.grants = slowness?.grants ?? 0
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

/** Returns the time that an account has spent at a time after its last wait. */
const spentAt = ({ spent, until }: Account, now: number): number =>
  spent === 0 ? 0 : Math.max(0, spent - (now - until) * waitShare)

const dropOldest = (map: Map<unknown, unknown>, size: number): void => {
  for (const key of map.keys()) {
    if (map.size <= size) return
    map.delete(key)
  }
}
