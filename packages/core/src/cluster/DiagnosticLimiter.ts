/**
 * The rate at which a node publishes diagnostics. Others decide how often they say what cannot be true, so not each time is
 * worth an event.
 */
import type { Clock } from "effect/Clock"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import { monotonicMillis } from "../internal/time.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"

/** Diagnostics a second, and how many at once. */
const rate = 1
const burst = 20

export class DiagnosticLimiter {
  private readonly clock: Clock
  private readonly bucket: TokenBucket

  constructor(clock: Clock) {
    this.clock = clock
    this.bucket = new TokenBucket(rate, burst, monotonicMillis(clock))
  }

  /** Tests whether the event is to be published. Every event but a diagnostic is. */
  allows({ _tag }: ViewChange | Notice): boolean {
    return _tag !== "Diagnostic" || this.bucket.take(monotonicMillis(this.clock), 1)
  }
}
