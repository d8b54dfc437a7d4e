/**
 * Latch whose waiting fibers continue in a separate scheduler task, for the same reason as the waits of
 * `yieldingAwait.ts`. It suspends a fiber once, and `awaitLatch` twice. A reader waits for each message of a round trip,
 * and each suspension costs about 2 microseconds (docs/decisions/0035).
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export class YieldingLatch {
  /** Waits until the latch is open, and continues in a separate scheduler task. */
  readonly wait: Effect.Effect<void>
  private isOpen: boolean
  /** Functions that schedule the tasks of the waiting fibers. */
  private waiters: Array<() => void> = []

  constructor(isOpen: boolean) {
    this.isOpen = isOpen
    this.wait = Effect.withFiber((fiber) => this.suspend(fiber))
  }

  /** Opens the latch. The waiting fibers continue in tasks of their schedulers. */
  open(): void {
    if (this.isOpen) return
    this.isOpen = true
    if (this.waiters.length === 0) return
    const { waiters } = this
    this.waiters = []
    for (const wake of waiters) wake()
  }

  /** Closes the latch. Fibers whose tasks are scheduled still continue. */
  close(): void {
    this.isOpen = false
  }

  private suspend(fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const wake = (): void => fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
      // The scheduler may delay a fiber between any two steps, so the latch is read in the step that adds the waiter.
      if (this.isOpen) return wake()
      this.waiters.push(wake)
      return Effect.sync(() => {
        const index = this.waiters.indexOf(wake)
        if (index >= 0) this.waiters.splice(index, 1)
      })
    })
  }
}
