/**
 * Histogram of the time from the last sign of life of a peer until this node marked it as failed (docs/metrics.md). On an
 * idle link the time counts from when an answer was due, because a sign of life may be older without any fault.
 */
import type { ObservedHistogram } from "./ObservedHistogram.ts"
import type { ObservedMetrics } from "./ObservedMetrics.ts"

/**
 * Upper limits of the buckets, in seconds. They are dense around the detection times of the policies `local`, `lan` and
 * `wan`.
 */
const boundaries = [0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60]

/** The members that the node knows. */
export interface Peers {
  /** Tests whether the peer is a member. */
  readonly isMember: (name: string) => boolean
  /** Returns the number of members. */
  readonly members: () => number
}

export class DetectionTime {
  private readonly histogram: ObservedHistogram
  private readonly peers: Peers
  /** Time of the last sign of life of each member without a link, by name, in milliseconds on the monotonic clock. */
  private readonly lastHeard = new Map<string, number>()

  constructor(metrics: ObservedMetrics, peers: Peers) {
    this.peers = peers
    this.histogram = metrics.histogram(
      "coterie_detection_seconds",
      "Time from the last sign of life of a peer until this node marked it as failed.",
      {},
      { boundaries },
    )
  }

  /** Records until when a member gave its signs of life, as this node or another member observed. */
  heard(name: string, at: number): void {
    if (!this.peers.isMember(name)) return
    this.lastHeard.set(name, Math.max(at, this.lastHeard.get(name) ?? at))
    if (this.lastHeard.size <= this.peers.members()) return
    for (const each of this.lastHeard.keys()) if (!this.peers.isMember(each)) this.lastHeard.delete(each)
  }

  /** Records a failure. `heardOnLink` is the time of the last sign of life on a link that still exists. */
  failed(name: string, now: number, heardOnLink: number | undefined): void {
    const at = heardOnLink ?? this.lastHeard.get(name)
    if (at !== undefined) this.histogram.record((now - at) / 1_000)
  }
}
