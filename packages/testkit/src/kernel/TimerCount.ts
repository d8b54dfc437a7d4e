/** Counter of one timer, which adds 1 or 0 to the running timers of its life. */
import type { Life } from "./Life.ts"

export class TimerCount {
  private readonly life: Life
  private counts = false

  constructor(life: Life) {
    this.life = life
  }

  /** Sets whether the timer counts. A timer counts at most once. */
  set(counts: boolean): void {
    if (this.counts !== counts) this.life.timers += counts ? 1 : -1
    this.counts = counts
  }
}
