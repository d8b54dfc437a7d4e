/** Handle that `setTimeout` and similar functions return inside a simulation. It behaves as a handle of Node. */

/** Running timer. */
export interface RunningTimer {
  readonly cancel: () => void
  /** Sets whether the timer counts as running. A stopped node may leave a timer behind that does not count. */
  readonly setRef: (counts: boolean) => void
}

export class TimerHandle {
  private readonly start: () => RunningTimer
  private timer: RunningTimer
  private counts = true

  constructor(start: (self: TimerHandle) => RunningTimer) {
    this.start = () => start(this)
    this.timer = start(this)
  }

  cancel(): void {
    this.timer.cancel()
  }

  ref(): this {
    this.counts = true
    this.timer.setRef(true)
    return this
  }

  unref(): this {
    this.counts = false
    this.timer.setRef(false)
    return this
  }

  hasRef(): boolean {
    return this.counts
  }

  refresh(): this {
    this.timer.cancel()
    this.timer = this.start()
    this.timer.setRef(this.counts)
    return this
  }

  close(): this {
    this.cancel()
    return this
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}
