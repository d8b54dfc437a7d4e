/**
 * Metrics of the links of a node (docs/metrics.md): connections, links that ended because a peer broke the protocol,
 * frames, and round-trip times.
 */
import type { LinkEnd } from "../link/LinkEnd.ts"
import { violationCodes } from "../protocol/ProtocolViolation.ts"
import * as FrameTable from "../wire/FrameTable.ts"
import * as Traffic from "../wire/Traffic.ts"
import type { Identity } from "../Transport.ts"
import type { ObservedHistogram } from "./ObservedHistogram.ts"
import type { CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

/** Upper limits of the buckets of round-trip times, in seconds: two per power of ten, from one host to a slow line. */
const roundTripBoundaries = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]

/** Kind of a link, by the proof of the peer. */
export type IdentityLabel = "none" | "secret" | "certificate"

export const identityLabels: ReadonlyArray<IdentityLabel> = ["none", "secret", "certificate"]

/** Returns the kind of a link with this proof. */
export const identityLabel = (identity: Identity | undefined): IdentityLabel => {
  if (identity === undefined) return "none"
  return identity._tag === "Secret" ? "secret" : "certificate"
}

export class LinkMetrics {
  /** Complete and valid frames that arrived. */
  readonly received = Traffic.make()
  /** Frames that the network accepted. */
  readonly sent = Traffic.make()
  private readonly violations: CounterFamily
  private readonly connections: CounterFamily
  private readonly metrics: ObservedMetrics
  /** Histograms of the round-trip times. The histogram of a kind of link exists from its first sample. */
  private readonly roundTrips = new Map<IdentityLabel, ObservedHistogram>()

  constructor(metrics: ObservedMetrics) {
    this.metrics = metrics
    this.violations = metrics.counters(
      "coterie_violations_total",
      "Links that this node ended because the peer broke the protocol.",
    )
    // The series exist from the start, so that the first violation of each code is seen as an increase.
    for (const code of violationCodes) this.violations.with({ code })
    this.connections = metrics.counters(
      "coterie_connections_total",
      "Attempts to make a link, by the outcome of the handshake.",
    )
    this.connections.with({ direction: "in", outcome: "up" })
    this.connections.with({ direction: "out", outcome: "up" })
    showTraffic(metrics, "in", this.received)
    showTraffic(metrics, "out", this.sent)
  }

  /** Counts an attempt to make a link. */
  connected(direction: "in" | "out", outcome: string): void {
    this.connections.with({ direction, outcome }).count++
  }

  /** Records a round-trip time, in milliseconds, of a link with this proof. */
  measured(identity: Identity | undefined, millis: number): void {
    const label = identityLabel(identity)
    const histogram = this.roundTrips.get(label) ?? this.makeRoundTrips(label)
    histogram.record(millis / 1_000)
  }

  /** Counts a link that ended, if the peer broke the protocol. */
  ended(end: LinkEnd): void {
    if (end._tag === "ProtocolViolation") this.violations.with({ code: end.code }).count++
  }

  private makeRoundTrips(identity: IdentityLabel): ObservedHistogram {
    const histogram = this.metrics.histogram(
      "coterie_link_rtt_seconds",
      "Round-trip times of the links, as this node measured them.",
      { identity },
      { boundaries: roundTripBoundaries },
    )
    this.roundTrips.set(identity, histogram)
    return histogram
  }
}

const kinds: ReadonlyArray<readonly [string, number]> = [
  ...Object.entries(FrameTable.kinds),
  ["unknown", Traffic.unknownKind],
]

const showTraffic = (metrics: ObservedMetrics, direction: "in" | "out", traffic: Traffic.Traffic): void => {
  const { bytes, frames } = traffic
  for (const [kind, index] of kinds) {
    const labels = { direction, kind }
    metrics.counter("coterie_frames_total", "Frames received and sent.", labels, () => frames[index] ?? 0)
    metrics.counter("coterie_frame_bytes_total", "Bytes of these frames.", labels, () => bytes[index] ?? 0)
  }
}
