/**
 * How much of what waits for the membership is of one peer. A peer that sends more than the membership takes in waits by
 * itself: the reader of its link suspends, and no other peer's does.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { awaitLatch } from "../internal/yieldingAwait.ts"

interface Share {
  used: number
  /** Opened whenever the share becomes smaller. */
  readonly smaller: Latch.Latch
}

export class InputShares {
  private readonly limit: number
  private readonly shares = new Map<string, Share>()

  /** `limit` is the cost of what may wait of one peer. */
  constructor(limit: number) {
    this.limit = limit
  }

  /**
   * Adds to the share of a peer; waits while it would be too large. What is too large by itself is added to nothing. Only the wait
   * can be interrupted, so a caller that cannot be knows that the cost was added.
   */
  add(peer: string, cost: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const share = this.shares.get(peer) ?? { used: 0, smaller: Latch.makeUnsafe(false) }
      if (share.used > 0 && share.used + cost > this.limit) {
        share.smaller.closeUnsafe()
        return Effect.andThen(Effect.interruptible(awaitLatch(share.smaller)), () => this.add(peer, cost))
      }
      share.used += cost
      this.shares.set(peer, share)
      return Effect.void
    })
  }

  /** Removes from the share of a peer. */
  remove(peer: string, cost: number): void {
    const share = this.shares.get(peer)
    if (share === undefined) return
    share.used -= cost
    if (share.used <= 0) this.shares.delete(peer)
    share.smaller.openUnsafe()
  }

  /** Returns the largest share. */
  most(): number {
    let most = 0
    for (const { used } of this.shares.values()) most = Math.max(most, used)
    return most
  }
}
