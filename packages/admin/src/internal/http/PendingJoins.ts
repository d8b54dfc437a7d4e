/** Joins that have not ended. A join dials until a peer answers, so their number is bounded. */
import * as Effect from "effect/Effect"

export class PendingJoins {
  /** Maximum number of joins. Each dials on its own schedule, and a person starts a few. */
  readonly limit = 16
  private pending = 0

  /** `true` if no further join may start. */
  get isFull(): boolean {
    return this.pending >= this.limit
  }

  /** Counts the join while it runs. */
  count<A, E, R>(join: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.pending++),
      () => join,
      () => Effect.sync(() => this.pending--),
    )
  }
}
