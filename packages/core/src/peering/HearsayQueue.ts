/**
 * Dials of addresses that this node knows by hearsay only (docs/protocol.md, R1), as they wait for a permit. Each announcer
 * has an account, so that the one that announces thousands of peers who do not exist delays its own and not those of others.
 */

/** Origin of a dial on hearsay. */
export interface HearsayDial {
  /** Name of the peer that first told of the one that is dialed. */
  readonly announcer: string
  /** `true` if the peer was dialed before, and did not answer. */
  readonly isRetry: boolean
}

/** End of a dial. One that is `stopped` says nothing about the word of its announcer. */
export type DialOutcome = "linked" | "failed" | "stopped"

interface Account<A> {
  /** First attempts. The newest go first: whatever a flood has left, it delays nobody who is announced after it. */
  readonly fresh: Array<A>
  /** Further attempts, the oldest first. They wait for all first attempts. */
  readonly retries: Set<A>
  /** Number of dials that have a permit. */
  running: number
  /** Number of dials that may have one: one less after each that failed, one more after each that led to a link. */
  credit: number
}

/** Share of the permits for dials on hearsay. The others are for members, seeds and joins only. */
const hearsayShare = 0.75

export class HearsayQueue<A extends { readonly hearsay: HearsayDial }> {
  private readonly limit: number
  /** In the order of their turns. */
  private readonly accounts = new Map<string, Account<A>>()
  /** Dials in `fresh` that were withdrawn. */
  private readonly withdrawn = new Set<A>()
  private running = 0

  /** `permits` is the number of dials of all kinds that may run at once. */
  constructor(permits: number) {
    this.limit = Math.max(1, Math.floor(permits * hearsayShare))
  }

  /** Adds a dial that waits. */
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

  /** Removes a dial that waits. */
  remove(dial: A): void {
    const { announcer } = dial.hearsay
    const account = this.accounts.get(announcer)
    if (account === undefined || account.retries.delete(dial)) return this.forgetIfIdle(announcer)
    this.withdrawn.add(dial)
    // A dial in the middle stays in place until they are many, which makes its removal cheap.
    if (2 * this.withdrawn.size > account.fresh.length) {
      const left = account.fresh.filter((each) => !this.withdrawn.delete(each))
      account.fresh.splice(0, account.fresh.length, ...left)
    }
    this.forgetIfIdle(announcer)
  }

  /** Takes the dial that gets the next permit; the announcers take turns. Returns `undefined` if none may have one. */
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

  /** Gives the permit of a dial back. The credit of its announcer rises if the dial led to a link, and falls if it failed. */
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
