/** Token bucket over a clock that the caller reads: bounds a rate and allows bursts. */
export class TokenBucket {
  private readonly rate: number
  private readonly burst: number
  private tokens: number
  private last: number

  /** Makes a full bucket of `burst` tokens that gains `rate` tokens a second. `start` is the time, in milliseconds. */
  constructor(rate: number, burst: number, start: number) {
    this.rate = rate
    this.burst = burst
    this.tokens = burst
    this.last = start
  }

  /** Takes `count` tokens at the time `now`, in milliseconds. Takes none and returns `false` if there are fewer. */
  take(now: number, count: number): boolean {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.last) * this.rate) / 1_000)
    this.last = now
    if (this.tokens < count) return false
    this.tokens -= count
    return true
  }
}
