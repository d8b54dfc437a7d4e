/**
 * The bound on dials at once, and how many there are.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Semaphore from "effect/Semaphore"

export class DialPermits {
  private readonly semaphore: Semaphore.Semaphore
  private dials = 0

  constructor(limit: number) {
    this.semaphore = Semaphore.makeUnsafe(limit)
  }

  /** Returns how many dials are running. */
  size(): number {
    return this.dials
  }

  /** Runs a dial once there is a permit. `onExit` sees how the dial ended. */
  run<A, E>(dial: Effect.Effect<A, E>, onExit: (exit: Exit.Exit<A, E>) => void): Effect.Effect<A, E> {
    return this.semaphore.withPermit(
      Effect.acquireUseRelease(
        Effect.sync(() => this.dials++),
        () => dial,
        (_, exit) =>
          Effect.sync(() => {
            this.dials--
            onExit(exit)
          }),
      ),
    )
  }
}
