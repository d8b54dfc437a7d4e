/**
 * A changing value as a stream for any number of readers. A slow reader gets the newest value and skips intermediate
 * ones. Setting the value never waits and runs no reader.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { awaitLatch } from "./yieldingAwait.ts"

export class LatestValue<A> {
  /** The current value, and then the newest value after each change. */
  readonly changes: Stream.Stream<A>
  private current: A
  private hasEnded = false
  private readonly readers = new Set<Latch.Latch>()

  constructor(initial: A) {
    this.current = initial
    this.changes = Stream.unwrap(
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            const wake = Latch.makeUnsafe(false)
            this.readers.add(wake)
            return wake
          }),
          (wake) => Effect.sync(() => this.readers.delete(wake)),
        ),
        (wake) => Stream.fromPull(Effect.sync(() => this.pullOf(wake))),
      ),
    )
  }

  get value(): A {
    return this.current
  }

  /** Replaces the value. */
  set(value: A): void {
    this.current = value
    for (const wake of this.readers) wake.openUnsafe()
  }

  /** Ends all streams after the current value. */
  end(): void {
    this.hasEnded = true
    for (const wake of this.readers) wake.openUnsafe()
  }

  private pullOf(wake: Latch.Latch): Effect.Effect<NonEmptyReadonlyArray<A>, Cause.Done> {
    let seen: { readonly value: A } | undefined
    const pull: Effect.Effect<NonEmptyReadonlyArray<A>, Cause.Done> = Effect.suspend(() => {
      const { current } = this
      if (seen?.value !== current || seen === undefined) {
        seen = { value: current }
        return Effect.succeed([current])
      }
      if (this.hasEnded) return Cause.done()
      wake.closeUnsafe()
      return Effect.flatMap(awaitLatch(wake), () => pull)
    })
    return pull
  }
}
