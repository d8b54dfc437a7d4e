/**
 * Timer wheel: timers in buckets of one tick, so that the timers of one tick expire together. Pure bookkeeping without
 * a clock.
 *
 * A timer expires at the start of the tick in which it is due, and so by less than a tick too early. A timer that is
 * added for a time within the current tick expires at this time. So the owner of a timer that expired too early adds it
 * again, and no timer is late.
 */
export class TimerWheel<T> {
  private readonly tick: number
  private readonly origin: number
  /** Timers by the number of the tick in which they expire, and the times at which they are due. */
  private readonly buckets = new Map<number, Map<T, number>>()
  /** Number of the tick in which each timer expires. */
  private readonly ticks = new Map<T, number>()
  /** Number of the current tick. Its timers expire at the times at which they are due. */
  private current: number

  /** `tick` is the duration of a tick in milliseconds. The first tick starts at `start`. */
  constructor(tick: number, start: number) {
    this.tick = tick
    this.origin = start
    this.current = 0
  }

  /** Number of timers. */
  get size(): number {
    return this.ticks.size
  }

  /** Returns the start of the first tick after this time. */
  startAfter(at: number): number {
    return this.startOf(this.tickOf(at) + 1)
  }

  /** Adds a timer, or moves it. */
  add(timer: T, due: number): void {
    this.delete(timer)
    const tick = Math.max(this.current, this.tickOf(due))
    const bucket = this.buckets.get(tick)
    if (bucket === undefined) this.buckets.set(tick, new Map([[timer, due]]))
    else bucket.set(timer, due)
    this.ticks.set(timer, tick)
  }

  /** Removes a timer. */
  delete(timer: T): void {
    const tick = this.ticks.get(timer)
    if (tick === undefined) return
    this.ticks.delete(timer)
    const bucket = this.buckets.get(tick)
    bucket?.delete(timer)
    if (bucket?.size === 0) this.buckets.delete(tick)
  }

  /** Returns all timers. */
  values(): Iterable<T> {
    return this.ticks.keys()
  }

  /** Returns the time at which the next timer expires; infinity without timers. */
  next(): number {
    let first = Number.POSITIVE_INFINITY
    for (const tick of this.buckets.keys()) first = Math.min(first, tick)
    if (first > this.current) return this.startOf(first)
    let due = Number.POSITIVE_INFINITY
    for (const each of this.buckets.get(this.current)?.values() ?? []) due = Math.min(due, each)
    return due
  }

  /** Removes and returns the timers that have expired at this time. */
  advance(now: number): ReadonlyArray<T> {
    const expired: Array<T> = []
    const tick = this.tickOf(now)
    const before = this.current
    this.current = Math.max(before, tick)
    for (const [each, bucket] of this.buckets) {
      if (each > this.current) continue
      const isWhole = each < this.current || each > before
      for (const [timer, due] of bucket) if (isWhole || due <= now) expired.push(timer)
    }
    for (const timer of expired) this.delete(timer)
    return expired
  }

  private tickOf(at: number): number {
    return Math.floor((at - this.origin) / this.tick)
  }

  private startOf(tick: number): number {
    return this.origin + tick * this.tick
  }
}
