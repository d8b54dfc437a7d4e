/**
 * Silence of the peer of a link (docs/protocol.md, section "Heartbeats"). On a link in use, the silence begins with the
 * last bytes of the peer. On an idle link it begins an interval before the first Ping that has no answer, because on a
 * link in use the last bytes may also be an interval older than the Ping.
 */

/** Link as the silence of its peer sees it. */
export interface Host {
  /** Returns the tolerated silence, in milliseconds. */
  readonly effectiveLinkTimeout: () => number
}

/**
 * Time for which a node that stops waits for a sign of life, in milliseconds. The answer to a Ping takes a round trip.
 */
const partingWait = 1_000

/** Silence of one peer. All times are in milliseconds, on the monotonic clock. */
export class Silence {
  /** Time of the last bytes. Stalls of this process since then move it later. */
  private heardAt: number
  /** Start of the silence, if that is not the time of the last bytes. */
  private owedSince: number | undefined
  /** Tolerated duration of the silence that began at `owedSince`. */
  private owedFor = 0
  private idling = false
  /** Time at which this node began to stop; infinity before. */
  private partingAt = Number.POSITIVE_INFINITY
  private readonly interval: number
  private readonly partingTimeout: number
  private readonly host: Host

  /**
   * `interval` is the time between two Pings of a link in use. `partingTimeout` is the tolerated silence once this node
   * stops.
   */
  constructor(at: number, interval: number, partingTimeout: number, host: Host) {
    this.heardAt = at
    this.interval = interval
    this.partingTimeout = partingTimeout
    this.host = host
  }

  /** Time of the last bytes, without the stalls of this process. */
  get lastHeard(): number {
    return this.heardAt
  }

  /** `true` while the link is idle. */
  get isIdle(): boolean {
    return this.idling
  }

  /** `true` once this node stops. */
  get isParting(): boolean {
    return this.partingAt < Number.POSITIVE_INFINITY
  }

  /** Returns the duration of the silence. */
  duration(at: number): number {
    return Math.max(0, at - this.begin())
  }

  /** Returns the start of the silence: infinity while the peer owes nothing. */
  begin(): number {
    return this.owedSince ?? (this.idling ? Number.POSITIVE_INFINITY : this.heardAt)
  }

  /**
   * Returns the time at which the silence ends the link. After a Ping on an idle link, that is the tolerance at the time
   * of the Ping. A node whose questions nobody answers becomes more patient, and it would otherwise keep its idle links
   * for long after it has been cut off. A node that stops waits no longer than until both {@link partingWait} and
   * `partingTimeout` are over.
   */
  end(): number {
    const end =
      this.owedSince === undefined ? this.begin() + this.host.effectiveLinkTimeout() : this.owedSince + this.owedFor
    return Math.min(end, Math.max(this.partingAt + partingWait, this.heardAt + this.partingTimeout))
  }

  /** Records that bytes arrived. */
  heard(at: number): void {
    this.heardAt = at
    this.owedSince = undefined
  }

  /** Records a Ping of this side. */
  pinged(at: number): void {
    if (this.idling) this.owe(at - this.interval)
  }

  /** Records that the link is idle. A silence that a Ping has not ended continues. */
  idle(pingedAt: number): void {
    if (pingedAt > this.heardAt) this.owe(this.heardAt)
    this.idling = true
  }

  /** Records that the link is in use again. Only a Ping before that has no answer makes the silence older. */
  use(at: number): void {
    this.owe(at - this.interval)
    this.idling = false
  }

  /** Records that this node stops. */
  part(at: number): void {
    this.partingAt = Math.min(this.partingAt, at)
  }

  /** Excludes a stall of this process from the silence. */
  excuse(late: number, at: number): void {
    if (this.isParting) this.partingAt = Math.min(at, this.partingAt + late)
    this.heardAt = Math.min(at, this.heardAt + late)
    if (this.owedSince !== undefined) this.owedSince = Math.min(at, this.owedSince + late)
  }

  /** Lets the silence begin at this time, and not before the last bytes, unless it has begun. */
  private owe(since: number): void {
    if (this.owedSince !== undefined) return
    this.owedSince = Math.max(this.heardAt, since)
    this.owedFor = this.host.effectiveLinkTimeout()
  }
}
