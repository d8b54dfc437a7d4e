/** The direction from one host to another: what it is like, and what chance does to a segment on it. */
import * as Distribution from "../Distribution.ts"
import type { Stream } from "../kernel/Draws.ts"
import type { Prng } from "../kernel/prng.ts"
import type { Closures } from "./Closures.ts"
import * as Conditions from "./Conditions.ts"
import type { Host } from "./Host.ts"
import type { Link } from "./Link.ts"

/** Chances are drawn in parts of a million. */
const million = 1_000_000

/** More losses of one segment make no difference: nothing waits for so long. */
export const maxLosses = 30

export class Way {
  readonly from: Host
  readonly to: Host
  private readonly conditions: Conditions.Conditions
  private readonly closures: Closures
  /** Connections that were dialed along it. */
  readonly links = new Set<Link>()
  /** Bytes that arrived so far. */
  arrived = 0

  private checked = -1
  private held = false

  // What it is like, for the conditions of this epoch.
  private epoch = -1
  private delay: Distribution.Distribution = 0
  private minimum = 0
  private distance = 0
  private lossRate = 0
  private splitRate = 0
  private bandwidth = 0
  private queue = 0
  /** When everything that was sent will have left the sender's side. */
  private free = 0

  private readonly streams = new Map<string, Stream>()
  private size = 0

  constructor(from: Host, to: Host, conditions: Conditions.Conditions, closures: Closures) {
    this.from = from
    this.to = to
    this.conditions = conditions
    this.closures = closures
  }

  /** Whether nothing passes. */
  isClosed(): boolean {
    // From a host without power nothing sets out.
    if (this.to.dark) return true
    const { closures } = this
    if (this.checked !== closures.version) {
      this.checked = closures.version
      this.held = closures.holds(this.from.name, this.to.name)
    }
    return this.held
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
    return Conditions.whole(stream.draw(sample))
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
    this.free = 0
    this.setDelay(plan.delay ?? 0)
  }

  private setDelay(delay: Distribution.Distribution): void {
    this.delay = delay
    this.minimum = Math.round(Conditions.minimum(delay))
  }

  private readonly sampleDelay = (random: Prng): number =>
    Conditions.whole(Math.round(Distribution.sample(this.delay, random)) - this.minimum)

  /** The time that the next segment takes. */
  latency(): number {
    const { conditions } = this
    this.refresh()
    if (conditions.latency !== undefined) this.setDelay(conditions.latency(this.from.name, this.to.name))
    // What does not vary is not drawn.
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

  /** How many times the next segment is lost. */
  losses(): number {
    const { counters, plan } = this.conditions
    if (Distribution.isZero(plan.loss)) return 0
    this.refresh()
    const losses = Math.min(maxLosses, this.draw("loss", this.sampleLosses))
    counters.loss += losses
    return losses
  }

  private readonly sampleCut = (random: Prng): number => {
    if (random.next() * million >= this.splitRate) return 0
    // Short pieces are likelier, because they are what decoders get wrong.
    return 1 + Math.floor((this.size - 1) * random.next() ** 2)
  }

  /** How much of so many bytes goes into the next segment. */
  cut(size: number): number {
    const { counters, plan } = this.conditions
    if (size < 2 || Distribution.isZero(plan.split)) return size
    this.refresh()
    this.size = size
    const at = this.draw("split", this.sampleCut)
    if (at === 0 || at >= size) return size
    counters.split++
    return at
  }

  /** The buffer of a new connection in this direction. */
  capacity(usual: number): number {
    const { conditions } = this
    const drawn = conditions.once(this.name("sendBuffer"), conditions.plan.sendBuffer)
    if (drawn === 0) return usual
    conditions.counters.sendBuffer++
    return drawn
  }

  /** When a segment that sets out now has left the sender's side; `undefined` if the queue there is full. */
  leaves(now: number, size: number): number | undefined {
    this.refresh()
    const { bandwidth, conditions, queue } = this
    if (bandwidth === 0) return now
    const before = Math.max(0, this.free - now)
    if (queue > 0 && before > 0 && (before * bandwidth) / million + size > queue) {
      conditions.counters.queue++
      return undefined
    }
    this.free = now + before + (size * million) / bandwidth
    if (this.free > now) conditions.counters.bandwidth++
    return this.free
  }
}
