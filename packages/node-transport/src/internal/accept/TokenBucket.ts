/** Token bucket: bounds a rate and allows bursts. The caller reads the clock, in milliseconds. */
export class TokenBucket {
  private readonly rate: number
  private readonly burst: number
  private tokens: number
  private last: number

  /** Makes a full bucket of `burst` tokens, which gains `rate` tokens a second. */
  constructor(rate: number, burst: number, now: number) {
    this.rate = rate
    this.burst = burst
    this.tokens = burst
    this.last = now
  }

  /** Returns the time until the bucket has a token, in milliseconds. */
  wait(now: number): number {
    this.refill(now)
    return this.tokens >= 1 ? 0 : Math.ceil(((1 - this.tokens) * 1_000) / this.rate)
  }

  /** Takes a token. Takes none and returns `false` if there is none. */
  take(now: number): boolean {
    if (this.wait(now) > 0) return false
    this.tokens--
    return true
  }

  private refill(now: number): void {
    // A clock that goes back must not take tokens away.
    const elapsed = Math.max(0, now - this.last)
    this.tokens = Math.min(this.burst, this.tokens + (elapsed * this.rate) / 1_000)
    this.last = now
  }
}
