/**
 * Waiting dials of candidates, which this node knows from gossip alone (docs/protocol.md, R1). Each announcer has an
 * account. An announcer of thousands of peers that do not exist therefore delays its own dials only.
 */

/** Origin of a dial of a candidate. */
export interface HearsayDial {
  /** Name of the peer that first announced the candidate. */
  readonly announcer: string
  /** `true` if an earlier dial of the peer failed. */
  readonly isRetry: boolean
}

/** Outcome of a dial. `stopped` does not change the credit of the announcer. */
export type DialOutcome = "linked" | "failed" | "stopped"

interface Account<A> {
  /** First attempts, taken newest first. The rest of a flood therefore delays no peer that is announced later. */
  readonly fresh: Array<A>
  /** Further attempts, oldest first. They wait for all first attempts. */
  readonly retries: Set<A>
  /** Number of running dials. */
  running: number
  /**
   * Maximum number of running dials. It falls by one after each failed dial and rises by one after each dial that led
   * to a link.
   */
  credit: number
}

/** Share of the permits for dials of candidates. Members, seeds and joins can use all permits. */
const hearsayShare = 0.75

export class HearsayQueue<A extends { readonly hearsay: HearsayDial }> {
  private readonly limit: number
  /** Accounts by announcer, in the order of their turns. */
  private readonly accounts = new Map<string, Account<A>>()
  /** Dials in `fresh` that were withdrawn. */
  private readonly withdrawn = new Set<A>()
  private running = 0

  /** `permits` is the maximum number of simultaneous dials of all kinds. */
  constructor(permits: number) {
    this.limit = Math.max(1, Math.floor(permits * hearsayShare))
  }

  /** Adds a waiting dial. */
  add(dial: A): void {
    const { announcer, isRetry } = dial.hearsay
    const account = this.accounts.get(announcer) ?? {
      fresh: [],
      retries: new Set(),
      running: 0,
      credit: this.limit,
    }
    this.accounts.set(announcer, account)
    if (isRetry) account.retries.add(dial)
    else account.fresh.push(dial)
  }

  /** Removes a waiting dial. */
  remove(dial: A): void {
    const { announcer } = dial.hearsay
    const account = this.accounts.get(announcer)
    if (account === undefined || account.retries.delete(dial)) return this.forgetIfIdle(announcer)
    this.withdrawn.add(dial)
    // A withdrawn dial stays in the array until half of the array is withdrawn. One pass then removes all of them at
    // low cost.
    if (2 * this.withdrawn.size > account.fresh.length) {
      const left = account.fresh.filter((each) => !this.withdrawn.delete(each))
      account.fresh.splice(0, account.fresh.length, ...left)
    }
    this.forgetIfIdle(announcer)
  }

  /** Takes the dial for the next permit. Announcers take turns. Returns `undefined` if no dial may run. */
  take(): A | undefined {
    if (this.running >= this.limit) return undefined
    for (const [announcer, account] of this.accounts) {
      if (account.running >= account.credit) continue
      const dial = this.nextOf(account)
      if (dial === undefined) continue
      account.running++
      this.running++
      this.accounts.delete(announcer)
      this.accounts.set(announcer, account)
      return dial
    }
    return undefined
  }

  /**
   * Returns the permit of a dial. The credit of its announcer rises if the dial led to a link, and falls if the dial
   * failed.
   */
  end({ hearsay: { announcer } }: A, outcome: DialOutcome): void {
    this.running--
    const account = this.accounts.get(announcer)
    if (account === undefined) return
    account.running--
    if (outcome === "linked") account.credit = Math.min(this.limit, account.credit + 1)
    if (outcome === "failed") account.credit = Math.max(1, account.credit - 1)
    this.forgetIfIdle(announcer)
  }

  private nextOf({ fresh, retries }: Account<A>): A | undefined {
    for (let dial = fresh.pop(); dial !== undefined; dial = fresh.pop()) {
      if (!this.withdrawn.delete(dial)) return dial
    }
    for (const dial of retries) {
      retries.delete(dial)
      return dial
    }
    return undefined
  }

  private forgetIfIdle(announcer: string): void {
    const account = this.accounts.get(announcer)
    if (account === undefined) return
    if (account.running + account.fresh.length + account.retries.size === 0) this.accounts.delete(announcer)
  }
}
