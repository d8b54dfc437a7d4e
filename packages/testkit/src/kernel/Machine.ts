/** The simulated machine of one node: its clock and its speed. It outlives the processes of the node. */
import type { ScheduledEvent } from "./EventQueue.ts"

export class Machine {
  readonly name: string
  readonly ordinal: number
  /** Tasks and timers wait while the machine is paused. */
  paused = false
  /** Time that each task takes; 0 is no time at all. */
  taskMicros = 0
  /** Time at which the present task will be over. */
  busyUntil = 0
  /** The event that runs the first waiting task. */
  nextTask: ScheduledEvent | undefined = undefined
  /** Microseconds by which the wall clock is ahead of the true time. */
  offset = 0
  /** Speed of the clock since `rateSince`, when it showed `rateBase`. */
  rate = 1
  private rateSince = 0
  private rateBase = 0

  constructor(name: string, ordinal: number) {
    this.name = name
    this.ordinal = ordinal
  }

  /** Returns the microseconds that the clock has counted, without the offset. */
  elapsed(now: number): number {
    return this.rateBase + (now - this.rateSince) * this.rate
  }

  /** Lets the clock run at another rate from now on. */
  setRate(now: number, rate: number): void {
    this.rateBase = this.elapsed(now)
    this.rateSince = now
    this.rate = rate
  }
}
