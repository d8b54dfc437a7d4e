/** Simulated machine of one node, with its clock and its speed. It outlives the processes of the node. */
import type { ScheduledEvent } from "./EventQueue.ts"

export class Machine {
  readonly name: string
  readonly ordinal: number
  /** `true` while the machine is paused. Its tasks and timers wait. */
  paused = false
  /** Time that each task takes. 0 means no time. */
  taskMicros = 0
  /** Time at which the present task ends. */
  busyUntil = 0
  /** Event that runs the first waiting task. */
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

  /** Sets the rate of the clock from now on. */
  setRate(now: number, rate: number): void {
    this.rateBase = this.elapsed(now)
    this.rateSince = now
    this.rate = rate
  }
}
