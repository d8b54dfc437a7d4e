/**
 * Time from the last sign of life of a peer until this node called it failed, as a histogram (docs/metrics.md).
 */
import type { ObservedHistogram } from "./ObservedHistogram.ts"
import type { ObservedMetrics } from "./ObservedMetrics.ts"

/** In seconds: close where the policies of one machine, of a data center and of several sites end up. */
const boundaries = [0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60]

/** Current knowledge of the node about its peers. */
export interface Peers {
  /** Tests whether the peer is a member. */
  readonly isMember: (name: string) => boolean
  /** Returns the number of members. */
  readonly members: () => number
}

export class DetectionTime {
  private readonly histogram: ObservedHistogram
  private readonly peers: Peers
  /** Time at which a member without a link was last heard, by name, in milliseconds on the monotonic clock. */
  private readonly lastHeard = new Map<string, number>()

  constructor(metrics: ObservedMetrics, peers: Peers) {
    this.peers = peers
    this.histogram = metrics.histogram(
      "coterie_detection_seconds",
      "Time from the last sign of life of a peer until this node called it failed.",
      {},
      { boundaries },
    )
  }

  /** Notes a sign of life of a member, as this node or another one saw it. */
  heard(name: string, at: number): void {
    if (!this.peers.isMember(name)) return
    this.lastHeard.set(name, Math.max(at, this.lastHeard.get(name) ?? at))
    if (this.lastHeard.size <= this.peers.members()) return
    for (const each of this.lastHeard.keys()) if (!this.peers.isMember(each)) this.lastHeard.delete(each)
  }

  /** Counts a failure. `heardOnLink` is the last sign of life on a link that the peer still has. */
  failed(name: string, now: number, heardOnLink: number | undefined): void {
    const at = heardOnLink ?? this.lastHeard.get(name)
    if (at !== undefined) this.histogram.record((now - at) / 1_000)
  }
}
