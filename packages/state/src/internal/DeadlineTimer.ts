/** Runs the due work of a state machine that has no clock. */
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

export interface Options {
  readonly clock: Clock
  /** Returns the monotonic time of the next work in milliseconds, or `Infinity`. */
  readonly dueAt: () => number
  /** Does the work that is due. */
  readonly onDue: Effect.Effect<void>
}

export class DeadlineTimer {
  private readonly options: Options
  private readonly wake = Latch.makeUnsafe(false)
  /** Time for which the timer waits. */
  private at = Infinity

  constructor(options: Options) {
    this.options = options
  }

  /** Takes an earlier deadline into account. The timer may run in this call, so call it at the end of a step. */
  update(): void {
    if (this.options.dueAt() < this.at) this.wake.openUnsafe()
  }

  /** Does what is due, when it is due. */
  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      const { clock, dueAt, onDue } = this.options
      this.wake.closeUnsafe()
      this.at = dueAt()
      if (this.at === Infinity) return this.wake.await
      const wait = this.at - MonotonicTime.millisUnsafe(clock)
      return wait > 0 ? Effect.raceFirst(Effect.sleep(Math.ceil(wait)), this.wake.await) : onDue
    }),
  )
}
