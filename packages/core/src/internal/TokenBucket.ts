/** Token bucket: bounds a rate and allows bursts. The caller reads the clock. */
export class TokenBucket {
  private readonly rate: number
  private readonly burst: number
  private tokens: number
  private last: number

  /**
   * Makes a full bucket of `burst` tokens that gains `rate` tokens per second. `start` is the current time, in
   * milliseconds.
   */
  constructor(rate: number, burst: number, start: number) {
    this.rate = rate
    this.burst = burst
    this.tokens = burst
    this.last = start
  }

  /** Takes `count` tokens at the time `now`, in milliseconds. Takes none and returns `false` if there are fewer. */
  take(now: number, count: number): boolean {
    this.refill(now)
    if (this.tokens < count) return false
    this.tokens -= count
    return true
  }

  /** Takes `count` tokens at the time `now`, in milliseconds, including tokens that the bucket gains only later. */
  spend(now: number, count: number): void {
    this.refill(now)
    this.tokens -= count
  }

  /** Returns the time from `now` until the number of tokens is no longer negative, in milliseconds. */
  debt(now: number): number {
    this.refill(now)
    return Math.max(0, Math.ceil((-this.tokens * 1_000) / this.rate))
  }

  private refill(now: number): void {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.last) * this.rate) / 1_000)
    this.last = now
  }
}
