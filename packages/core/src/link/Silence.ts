/**
 * Silence of the peer of a link (docs/protocol.md, section "Heartbeats"). On a link in use, the silence begins with the
 * last bytes of the peer. On an idle link it begins an interval before the first Ping that has no answer, because on a
 * link in use the last bytes may also be an interval older than the Ping.
 */

/** Silence of one peer. All times are in milliseconds, on the monotonic clock. */
export class Silence {
  /** Time of the last bytes. Stalls of this process since then move it later. */
  private heardAt: number
  /** Start of the silence, if that is not the time of the last bytes. */
  private owedSince: number | undefined
  private isIdle = false
  private readonly interval: number

  /** `interval` is the time between two Pings of a link in use. */
  constructor(at: number, interval: number) {
    this.heardAt = at
    this.interval = interval
  }

  /** Time of the last bytes, without the stalls of this process. */
  get lastHeard(): number {
    return this.heardAt
  }

  /** Returns the duration of the silence. */
  duration(at: number): number {
    return Math.max(0, at - this.begin())
  }

  /** Returns the start of the silence: infinity while the peer owes nothing. */
  begin(): number {
    return this.owedSince ?? (this.isIdle ? Number.POSITIVE_INFINITY : this.heardAt)
  }

  /** Records that bytes arrived. */
  heard(at: number): void {
    this.heardAt = at
    this.owedSince = undefined
  }

  /** Records a Ping of this side. */
  pinged(at: number): void {
    if (this.isIdle) this.owe(at)
  }

  /** Records that the link is idle. A silence that a Ping has not ended continues. */
  idle(pingedAt: number): void {
    if (pingedAt > this.heardAt) this.owedSince ??= this.heardAt
    this.isIdle = true
  }

  /** Records that the link is in use again. Only a Ping before that has no answer makes the silence older. */
  use(at: number): void {
    this.owe(at)
    this.isIdle = false
  }

  /** Excludes a stall of this process from the silence. */
  excuse(late: number, at: number): void {
    this.heardAt = Math.min(at, this.heardAt + late)
    if (this.owedSince !== undefined) this.owedSince = Math.min(at, this.owedSince + late)
  }

  /** Lets the silence begin, unless it has begun. */
  private owe(at: number): void {
    this.owedSince ??= Math.max(this.heardAt, at - this.interval)
  }
}
