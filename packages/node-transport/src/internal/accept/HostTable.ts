/** Accounts of the hosts that have dialed, at most a fixed number of them. */
import { TokenBucket } from "./TokenBucket.ts"

/** Time in which failures are counted, and for which a host with too many of them is muted, in milliseconds. */
export const muteMillis = 60_000

/** Account of a host. */
export class HostAccount {
  readonly host: string
  readonly tokens: TokenBucket
  /** Connections that wait. */
  waiting = 0
  /** Handshakes in progress. */
  running = 0
  private failures = 0
  private since = Number.NEGATIVE_INFINITY
  private mutedUntil = Number.NEGATIVE_INFINITY

  constructor(host: string, tokens: TokenBucket) {
    this.host = host
    this.tokens = tokens
  }

  /** Counts a connection that has proved nothing. Mutes the host after `max` of them within a minute. */
  fail(now: number, max: number): void {
    if (now - this.since >= muteMillis) {
      this.since = now
      this.failures = 0
    }
    if (++this.failures >= max) this.mutedUntil = now + muteMillis
  }

  isMuted(now: number): boolean {
    return now < this.mutedUntil
  }

  /** `true` if no connection of the host needs the account. */
  isIdle(): boolean {
    return this.waiting + this.running === 0
  }
}

export interface HostTableOptions {
  readonly max: number
  readonly perSecond: number
  readonly burst: number
}

export class HostTable {
  private readonly options: HostTableOptions
  /** The host that has dialed last is the last one. */
  private readonly accounts = new Map<string, HostAccount>()

  constructor(options: HostTableOptions) {
    this.options = options
  }

  /**
   * Returns the account of a host that dials. A new one may take the place of an idle one, of the host that dialed least recently. A
   * stranger with that many addresses has a full bucket at each of them anyway.
   */
  of(host: string, now: number): HostAccount {
    const { burst, perSecond } = this.options
    const account = this.accounts.get(host) ?? new HostAccount(host, new TokenBucket(perSecond, burst, now))
    this.accounts.delete(host)
    this.accounts.set(host, account)
    this.evict(account)
    return account
  }

  /** Returns the number of accounts. */
  size(): number {
    return this.accounts.size
  }

  private evict(newest: HostAccount): void {
    if (this.accounts.size <= this.options.max) return
    for (const [host, account] of this.accounts) {
      if (account === newest || !account.isIdle()) continue
      this.accounts.delete(host)
      return
    }
  }
}
