/**
 * Sum of waits, in milliseconds. Time in which waits overlap counts once: a wait adds the time after the end of the
 * previous wait, and the time before the waits that follow each other without a pause up to there. So the sum is never
 * less than the time in which anything waited.
 */
export class WaitTime {
  private from = -Infinity
  private until = -Infinity

  /** Adds a wait that ends now. Returns the time that it adds to the sum. */
  add(since: number, now: number): number {
    const { from, until } = this
    this.until = now
    if (since > until) {
      this.from = since
      return now - since
    }
    this.from = Math.min(from, since)
    return now - until + Math.max(0, from - since)
  }
}
