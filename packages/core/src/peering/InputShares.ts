/**
 * Shares of the peers in the input that waits for the membership. A peer that sends more than the membership can handle
 * waits alone: the reader of its link suspends, and the readers of other links continue.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { awaitLatch } from "../internal/yieldingAwait.ts"

interface Share {
  used: number
  /** Opened whenever the share shrinks. */
  readonly smaller: Latch.Latch
}

export class InputShares {
  private readonly limit: number
  private readonly shares = new Map<string, Share>()

  /** `limit` is the maximum cost of the waiting input of one peer. */
  constructor(limit: number) {
    this.limit = limit
  }

  /**
   * Adds to the share of a peer, and waits while the share would exceed the limit. An input above the limit waits until
   * the share is empty. Only the wait is interruptible, so the cost was added if an uninterruptible caller continues.
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

  /** Subtracts from the share of a peer. */
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
