/** Counts connections, links that ended because a peer broke the protocol, and frames (docs/metrics.md). */
import type { LinkEnd } from "../link/LinkEnd.ts"
import { violationCodes } from "../protocol/ProtocolViolation.ts"
import * as FrameTable from "../wire/FrameTable.ts"
import * as Traffic from "../wire/Traffic.ts"
import type { CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

export class LinkMetrics {
  /** Complete and valid frames that arrived. */
  readonly received = Traffic.make()
  /** Frames that the network accepted. */
  readonly sent = Traffic.make()
  private readonly violations: CounterFamily
  private readonly connections: CounterFamily

  constructor(metrics: ObservedMetrics) {
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

  /** Counts a link that ended, if the peer broke the protocol. */
  ended(end: LinkEnd): void {
    if (end._tag === "ProtocolViolation") this.violations.with({ code: end.code }).count++
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
