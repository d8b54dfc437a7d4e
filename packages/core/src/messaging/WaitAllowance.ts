/**
 * The time for which messages to many may wait for peers. While a peer gives credit, they wait for
 * `limits.slowPeerTimeout` each time. On a link on which the peer has given no credit yet, and for a connection that is
 * about to come up, they wait as long once. All these waits together take at most {@link burst} times as long, and after
 * that a part of the elapsed time ({@link waitShare}). So peers that never give credit delay messages to others for a
 * small part of the time, however many they are and however often they connect (docs/messages.md, section "Slow
 * subscribers").
 */
import type { Clock } from "effect/Clock"
import type { Slowness } from "../flow/Slowness.ts"
import { WaitTime } from "../flow/WaitTime.ts"
import { monotonicMillis } from "../internal/time.ts"

/**
 * Timeouts for which messages to many may wait at once for peers that have given no credit. Enough for some links that
 * break one after the other, because a healthy peer with a new link is such a peer, too.
 */
export const burst = 3

/** Part of the elapsed time for which messages to many may wait for peers that have given no credit. */
export const waitShare = 0.1

export interface Options {
  /** Time that messages may wait for a link without progress, in milliseconds. */
  readonly timeout: number
  readonly clock: Clock
}

export class WaitAllowance {
  private readonly options: Options
  private readonly waits = new WaitTime()
  /** Time of the waits for peers without credit that had not returned at the end of the last wait, in milliseconds. */
  private spent = 0
  /** End of the last wait. */
  private until = 0

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the current time for {@link spend}. */
  readonly now = (): number => monotonicMillis(this.options.clock)

  /** Returns the whole milliseconds for which a message to many may wait for a lane, or for a connection (`undefined`). */
  left(slowness: Slowness | undefined): number {
    const { timeout } = this.options
    const ofLink = timeout - (slowness?.waited ?? 0)
    const ofAll = slowness?.hasGranted === true ? timeout : burst * timeout - this.spentAt(this.now())
    return Math.max(0, Math.floor(Math.min(ofLink, ofAll)))
  }

  /** Records a wait in vain that started at `since` and ends now. */
  spend(since: number, slowness: Slowness | undefined): void {
    const now = this.now()
    if (now <= since) return
    // Waits that overlap may last longer than the timeout. A link that lasts takes no more than that from other links.
    const most = this.options.timeout - (slowness?.waited ?? 0)
    slowness?.addWait(since, now)
    if (slowness?.hasGranted === true || most <= 0) return
    this.spent = this.spentAt(Math.max(since, this.until)) + Math.min(this.waits.add(since, now), most)
    this.until = now
  }

  private spentAt(now: number): number {
    return Math.max(0, this.spent - Math.max(0, now - this.until) * waitShare)
  }
}
