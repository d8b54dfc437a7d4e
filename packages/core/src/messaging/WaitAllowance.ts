/**
 * The time for which messages to many may wait for a peer: `limits.slowPeerTimeout` in all for each of its lanes, and
 * as much for its connection, until the peer gives credit for a whole frame. The accounts outlive the links of the
 * peer. So a peer that connects again and again, or that never completes a handshake, delays messages to others no
 * longer than a peer that keeps its link (docs/messages.md, section "Slow subscribers").
 */
import type { Clock } from "effect/Clock"
import type { Slowness } from "../flow/Slowness.ts"
import { monotonicMillis } from "../internal/time.ts"
import { maxLanes } from "../protocol/constants.ts"

/** Stands for what precedes the lanes of a peer: a connection that is about to come up, and its list of lanes. */
export const connection: unique symbol = Symbol("connection")

/** Lack for which a message to many waits: credit of the lane with this name, or the connection. */
export type Missing = string | typeof connection

/** Waits since the peer last gave credit. */
interface Account {
  /** Time of the waits, in milliseconds. Time in which several messages waited counts once. */
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
    return Math.max(0, Math.floor(timeout - (this.accounts.get(peer)?.get(missing)?.spent ?? 0)))
  }

  /** Records a wait that started at `since` and ends now. `slowness` is that of the lane, if the peer has it open. */
  spend(peer: string, missing: Missing, since: number, slowness: Slowness | undefined): void {
    const now = this.now()
    if (now <= since) return
    const account = this.accountOf(peer, missing)
    account.spent += now - Math.max(since, account.until)
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

const dropOldest = (map: Map<unknown, unknown>, size: number): void => {
  for (const key of map.keys()) {
    if (map.size <= size) return
    map.delete(key)
  }
}
