/**
 * The time for which messages to many may wait for peers. On a lane on which the peer has given credit for a whole
 * frame, they wait for `limits.slowPeerTimeout` each time. The waits for other lanes, and for connections that are about
 * to come up, take from a stock of the node: {@link burst} timeouts, and a part of the elapsed time ({@link waitShare}).
 * So peers that never give credit delay messages to others for a small part of the time, however many they are and
 * however often they connect (docs/messages.md, section "Slow subscribers").
 */
import type { Clock } from "effect/Clock"
import type { Slowness } from "../flow/Slowness.ts"
import { WaitTime } from "../flow/WaitTime.ts"
import { monotonicMillis } from "../internal/time.ts"

/**
 * Timeouts in the full stock. Enough for some links that break one after the other, because a healthy peer has given no
 * credit on a new link either.
 */
export const burst = 3

/** Part of the elapsed time that returns to the stock: what peers that never give credit can delay in the long run. */
export const waitShare = 0.1

export interface Options {
  /** Time that messages may wait for a link without progress, in milliseconds. */
  readonly timeout: number
  readonly clock: Clock
}

export class WaitAllowance {
  private readonly options: Options
  private readonly waits = new WaitTime()
  /** Time that the stock lacked at the end of the last wait, in milliseconds. */
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
    const ofAll = hasGranted(slowness) ? timeout : burst * timeout - this.spentAt(this.now())
    return Math.max(0, Math.floor(Math.min(ofLink, ofAll)))
  }

  /** Records a wait that started at `since` and ends now, without credit for a whole frame in the meantime. */
  spend(since: number, slowness: Slowness | undefined): void {
    const now = this.now()
    if (now <= since) return
    slowness?.addWait(since, now)
    if (hasGranted(slowness)) return
    this.spent = this.spentAt(since) + this.waits.add(since, now)
    this.until = now
  }

  /** Returns the time that the stock lacks. No time returns before the end of the last wait. */
  private spentAt(now: number): number {
    return Math.max(0, this.spent - Math.max(0, now - this.until) * waitShare)
  }
}

const hasGranted = (slowness: Slowness | undefined): boolean => slowness !== undefined && slowness.grants > 0
