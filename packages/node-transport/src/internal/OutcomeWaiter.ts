/**
 * Suspends one fiber at a time until an outcome is available. The outcome is looked up when the fiber begins to wait and at each
 * `wake`, because the scheduler can delay a fiber between any two steps and the event may be over when the fiber waits.
 */
import * as Effect from "effect/Effect"

export class OutcomeWaiter<A, E> {
  private readonly outcome: () => Effect.Effect<A, E> | undefined
  private waiter: ((outcome: Effect.Effect<A, E>) => void) | undefined = undefined

  /** `outcome` returns the outcome, or `undefined` while there is none. */
  constructor(outcome: () => Effect.Effect<A, E> | undefined) {
    this.outcome = outcome
  }

  /** Resumes the fiber that waits, if there is one and the outcome is available. */
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
