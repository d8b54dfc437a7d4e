/**
 * Signal for one waiting fiber. It takes less memory than a latch, and a node has one for each link. The fiber continues
 * in a separate scheduler task (see `yieldingAwait.ts`), and is suspended once, as with `YieldingLatch`.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export class WakeSignal {
  private isSet = false
  /** Schedules the task of the waiting fiber. */
  private wake: (() => void) | undefined

  /** Ends the current wait, or the next one if no fiber waits. */
  set(): void {
    this.isSet = true
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  /** Ignores earlier calls of {@link set}. */
  clear(): void {
    this.isSet = false
  }

  /** Waits until {@link set} is called. Must not run twice at the same time. */
  readonly wait: Effect.Effect<void> = Effect.withFiber((fiber) => this.suspend(fiber))

  private suspend(fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const wake = (): void => fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
      // The scheduler may delay a fiber between any two steps, so the signal is read in the step that begins the wait.
      if (this.isSet) return wake()
      this.wake = wake
      return Effect.sync(() => {
        this.wake = undefined
      })
    })
  }
}
