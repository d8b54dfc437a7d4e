/**
 * Suspends one fiber at a time until an outcome is available. Reads the outcome when the fiber begins to wait and at
 * each `wake`, because the scheduler can delay a fiber between any two steps, so that the event may occur before the
 * fiber waits.
 */
import * as Effect from "effect/Effect"

export class OutcomeWaiter<A, E> {
  private readonly outcome: () => Effect.Effect<A, E> | undefined
  private waiter: ((outcome: Effect.Effect<A, E>) => void) | undefined = undefined

  /** Makes a waiter. `outcome` returns the outcome, or `undefined` while there is none. */
  constructor(outcome: () => Effect.Effect<A, E> | undefined) {
    this.outcome = outcome
  }

  /** Resumes the waiting fiber if there is one and the outcome is available. */
  readonly wake = (): void => {
    const resume = this.waiter
    const result = resume === undefined ? undefined : this.outcome()
    if (resume === undefined || result === undefined) return
    this.waiter = undefined
    resume(result)
  }

  /** Waits for the outcome. */
  readonly wait: Effect.Effect<A, E> = Effect.callback<A, E>((resume) => {
    this.waiter = resume
    this.wake()
    if (this.waiter === undefined) return
    return Effect.sync(() => {
      if (this.waiter === resume) this.waiter = undefined
    })
  })
}
