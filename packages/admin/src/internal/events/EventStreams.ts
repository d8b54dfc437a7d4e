/** The event streams that are open, up to a bound. */
import type { Gauge } from "@coterie/core/NodeMetrics"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export class EventStreams {
  private readonly limit: number
  private readonly gauge: Gauge
  private readonly closing = Deferred.makeUnsafe<void>()
  private open = 0

  constructor(limit: number, gauge: Gauge) {
    this.limit = limit
    this.gauge = gauge
  }

  /** `true` if no further stream may open. */
  get isFull(): boolean {
    return this.open >= this.limit || Deferred.isDoneUnsafe(this.closing)
  }

  /**
   * Counts the stream while it runs, and ends it when the streams are closed. A stream that starts beyond the bound ends at
   * once: several requests may find room before the first of their streams starts.
   */
  bounded<A>(stream: Stream.Stream<A>): Stream.Stream<A> {
    const counted = Stream.suspend(() => {
      if (this.isFull) return Stream.empty
      const acquire = Effect.acquireRelease(
        Effect.sync(() => this.add(1)),
        () => Effect.sync(() => this.add(-1)),
      )
      return Stream.unwrap(Effect.as(acquire, stream))
    })
    return Stream.interruptWhen(counted, Deferred.await(this.closing))
  }

  /** Ends all streams. No stream opens afterwards. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(Deferred.succeed(this.closing, undefined)))

  private add(change: number): void {
    this.open += change
    this.gauge.add(change)
  }
}
