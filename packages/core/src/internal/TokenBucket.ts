/**
 * A token bucket over a clock that the caller reads.
 */
export interface TokenBucket {
  /** Takes `count` tokens at the time `now`, in milliseconds; `false` if there are not so many. */
  readonly take: (now: number, count: number) => boolean
}

/** Holds `burst` tokens at most and gains `rate` a second. */
export const make = (rate: number, burst: number, start: number): TokenBucket => {
  let tokens = burst
  let last = start
  return {
    take: (now, count) => {
      tokens = Math.min(burst, tokens + ((now - last) * rate) / 1_000)
      last = now
      if (tokens < count) return false
      tokens -= count
      return true
    },
  }
}
