/**
 * Signal for one waiting fiber. It takes less memory than a latch, and a node has one for each link. The fiber continues
 * in a separate scheduler task (see `yieldingAwait.ts`).
 */
import * as Effect from "effect/Effect"

export class WakeSignal {
  private isSet = false
  private resume: ((continuation: Effect.Effect<void>) => void) | undefined

  /** Ends the current wait, or the next one if no fiber waits. */
  set(): void {
    this.isSet = true
    const { resume } = this
    this.resume = undefined
    resume?.(Effect.yieldNow)
  }

  /** Ignores earlier calls of {@link set}. */
  clear(): void {
    this.isSet = false
  }

  /** Waits until {@link set} is called. Must not run twice at the same time. */
  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.isSet) return resume(Effect.yieldNow)
    this.resume = resume
    return Effect.sync(() => {
      this.resume = undefined
    })
  })
}
