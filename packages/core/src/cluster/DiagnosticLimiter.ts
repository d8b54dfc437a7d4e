/**
 * Limits the rate of `Diagnostic` events. Peers decide how often they send statements that cannot be true, so not every
 * one becomes an event.
 */
import type { Clock } from "effect/Clock"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import { monotonicMillis } from "../internal/time.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"

/** Maximum number of diagnostics per second, and in one burst. */
const rate = 1
const burst = 20

export class DiagnosticLimiter {
  private readonly clock: Clock
  private readonly bucket: TokenBucket

  constructor(clock: Clock) {
    this.clock = clock
    this.bucket = new TokenBucket(rate, burst, monotonicMillis(clock))
  }

  /** Tests whether the event should be published. Limits only diagnostics. */
  allows({ _tag }: ViewChange | Notice): boolean {
    return _tag !== "Diagnostic" || this.bucket.take(monotonicMillis(this.clock), 1)
  }
}
