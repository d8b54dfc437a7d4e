/** Warnings of the shared values of a node: at most one line of each kind in a minute, so that a peer cannot fill the log. */
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"

const periodMillis = 60_000

export class Warnings {
  private readonly clock: Clock
  private readonly kinds = new Map<string, { until: number; omitted: number }>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Logs a warning, unless a line of its kind was logged within the last minute. */
  warn(kind: "ahead" | "refused" | "undecodable" | "publish", text: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const now = MonotonicTime.millisUnsafe(this.clock)
      const known = this.kinds.get(kind)
      if (known !== undefined && now < known.until) {
        known.omitted++
        return Effect.void
      }
      const omitted = known === undefined || known.omitted === 0 ? "" : ` (${known.omitted} like it were not logged)`
      this.kinds.set(kind, { until: now + periodMillis, omitted: 0 })
      return Effect.logWarning(`state: ${text}${omitted}`)
    })
  }
}
