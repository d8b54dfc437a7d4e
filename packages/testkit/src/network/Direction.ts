/** Direction from one host to another: its constants, its queue, and the draws of each segment. */
import * as Distribution from "../Distribution.ts"
import type { Stream } from "../kernel/Draws.ts"
import type { Prng } from "../kernel/Prng.ts"
import * as Conditions from "./Conditions.ts"
import type { Host } from "./Host.ts"
import type { Partitions } from "./Partitions.ts"

/** Chances are drawn in parts per million. */
const million = 1_000_000

/**
 * Number of segments of maximum size that a line of limited bandwidth carries per second. On a slow line, the receiver
 * then reads small pieces, as with the packets of TCP.
 */
const segmentsPerSecond = 10

/** Maximum number of losses of one segment. More would make no difference, because every timeout is shorter. */
export const maxLosses = 30

export class Direction {
  readonly from: Host
  readonly to: Host
  private readonly conditions: Conditions.Conditions
  private readonly partitions: Partitions
  /** Bytes that arrived so far. */
  bytesArrived = 0

  /** Version of the partitions for which `blocked` holds. */
  private checkedVersion = -1
  private blocked = false

  // Constants of this direction under the conditions of this epoch.
  private epoch = -1
  private delay: Distribution.Distribution = 0
  private minimum = 0
  private distance = 0
  private lossRate = 0
  private splitRate = 0
  private bandwidth = 0
  private queue = 0
  /** Time at which the sender's queue is empty. */
  private freeAt = 0

  private readonly streams = new Map<string, Stream>()
  private size = 0

  constructor(from: Host, to: Host, conditions: Conditions.Conditions, partitions: Partitions) {
    this.from = from
    this.to = to
    this.conditions = conditions
    this.partitions = partitions
  }

  /** Returns `true` if no segment passes. */
  isBlocked(): boolean {
    // A host without power sends nothing, so only the receiver matters.
    if (!this.to.powered) return true
    const { partitions } = this
    if (this.checkedVersion !== partitions.version) {
      this.checkedVersion = partitions.version
      this.blocked = partitions.isBlocked(this.from.name, this.to.name)
    }
    return this.blocked
  }

  private name(kind: string): string {
    return `${kind} ${this.from.name}>${this.to.name}`
  }

  private draw(kind: string, sample: (random: Prng) => number): number {
    let stream = this.streams.get(kind)
    if (stream === undefined) {
      stream = this.conditions.draws.stream(this.name(kind))
      this.streams.set(kind, stream)
    }
    return Conditions.toWhole(stream.draw(sample))
  }

  private refresh(): void {
    const { conditions } = this
    const { epoch, plan } = conditions
    if (this.epoch === epoch) return
    this.epoch = epoch
    this.distance = conditions.distance(this.from.name, this.to.name)
    this.lossRate = conditions.once(this.name("lossRate"), plan.loss, million)
    this.splitRate = conditions.once(this.name("splitRate"), plan.split, million)
    this.bandwidth = conditions.once(this.name("bandwidth"), plan.bandwidth)
    this.queue = conditions.once(this.name("queue"), plan.queue)
    this.freeAt = 0
    this.setDelay(plan.delay ?? 0)
  }

  private setDelay(delay: Distribution.Distribution): void {
    this.delay = delay
    this.minimum = Math.round(Conditions.minimum(delay))
  }

  private readonly sampleDelay = (random: Prng): number =>
    Conditions.toWhole(Math.round(Distribution.sample(this.delay, random)) - this.minimum)

  /** Draws the latency of the next segment. */
  latency(): number {
    const { conditions } = this
    this.refresh()
    if (conditions.latency !== undefined) this.setDelay(conditions.latency(this.from.name, this.to.name))
    // A constant delay needs no draw.
    const extra = typeof this.delay === "number" ? 0 : this.draw("delay", this.sampleDelay)
    const latency = this.minimum + extra
    if (latency > 0) conditions.counters.delay++
    return this.distance + latency
  }

  private readonly sampleLosses = (random: Prng): number => {
    let losses = 0
    while (losses < maxLosses && random.next() * million < this.lossRate) losses++
    return losses
  }

  /** Draws the number of losses of the next segment. */
  losses(): number {
    const { counters, plan } = this.conditions
    if (Distribution.isZero(plan.loss)) return 0
    this.refresh()
    const losses = Math.min(maxLosses, this.draw("loss", this.sampleLosses))
    counters.loss += losses
    return losses
  }

  private readonly sampleSplit = (random: Prng): number => {
    if (random.next() * million >= this.splitRate) return 0
    // Short pieces are more likely, because decoders fail on them.
    return 1 + Math.floor((this.size - 1) * random.next() ** 2)
  }

  /**
   * Returns the size of the largest segment, which bounds the time for which a segment occupies the line. With a
   * limited queue there is no bound: the segments of one write would be lost one by one, because the network has no
   * congestion window.
   */
  private largestSegment(): number {
    const { bandwidth, queue } = this
    return bandwidth === 0 || queue > 0 ? Number.POSITIVE_INFINITY : Math.ceil(bandwidth / segmentsPerSecond)
  }

  /** Draws the number of bytes of the next segment. */
  segmentSize(size: number): number {
    const { counters, plan } = this.conditions
    this.refresh()
    const whole = Math.min(size, this.largestSegment())
    if (whole < 2 || Distribution.isZero(plan.split)) return whole
    this.size = whole
    const at = this.draw("split", this.sampleSplit)
    if (at === 0 || at >= whole) return whole
    counters.split++
    return at
  }

  /** Draws the send buffer of a new connection in this direction. */
  sendBuffer(usual: number): number {
    const { conditions } = this
    const drawn = conditions.once(this.name("sendBuffer"), conditions.plan.sendBuffer)
    if (drawn === 0) return usual
    conditions.counters.sendBuffer++
    return drawn
  }

  /** Returns the time at which a segment leaves the sender's queue, or `undefined` if the queue is full. */
  departure(now: number, size: number): number | undefined {
    this.refresh()
    const { bandwidth, conditions, queue } = this
    if (bandwidth === 0) return now
    const before = Math.max(0, this.freeAt - now)
    if (queue > 0 && before > 0 && (before * bandwidth) / million + size > queue) {
      conditions.counters.queue++
      return undefined
    }
    this.freeAt = now + before + (size * million) / bandwidth
    if (this.freeAt > now) conditions.counters.bandwidth++
    return this.freeAt
  }
}
