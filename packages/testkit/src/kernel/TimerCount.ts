/** Record of whether one timer counts among the running timers of its life. */
import type { Life } from "./Life.ts"

export class TimerCount {
  private readonly life: Life
  private counts = false

  constructor(life: Life) {
    this.life = life
  }

  /** Counts the timer, or stops to count it. Counting twice counts once. */
  set(counts: boolean): void {
    if (this.counts !== counts) this.life.timers += counts ? 1 : -1
    this.counts = counts
  }
}
