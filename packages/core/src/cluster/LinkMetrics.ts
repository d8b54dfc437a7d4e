/**
 * Counters of connections, of links that ended by a breach of the protocol, and of frames (docs/metrics.md).
 */
import type { LinkEnd } from "../link/Link.ts"
import type { ByeCode } from "../protocol/Frame.ts"
import * as Layout from "../wire/Layout.ts"
import * as Traffic from "../wire/Traffic.ts"
import type { CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

/** Violations that are shown from the start, so that the first of each is seen as an increase. */
const foreseenViolations: ReadonlyArray<ByeCode> = [
  "oversize",
  "malformed",
  "creditExceeded",
  "laneUnknown",
  "unexpectedFrame",
  "rate",
]

export class LinkMetrics {
  /** Frames that arrived whole and right. */
  readonly received = Traffic.make()
  /** Frames that were handed to the network. */
  readonly sent = Traffic.make()
  private readonly violations: CounterFamily
  private readonly connections: CounterFamily

  constructor(metrics: ObservedMetrics) {
    this.violations = metrics.counters(
      "coterie_violations_total",
      "Links that this node ended because the peer broke the protocol.",
    )
    for (const code of foreseenViolations) this.violations.with({ code })
    this.connections = metrics.counters(
      "coterie_connections_total",
      "Attempts to make a link, by how the handshake ended.",
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

  /** Counts a link that ended by a breach of the protocol. */
  ended(end: LinkEnd): void {
    if (end._tag === "Violation") this.violations.with({ code: end.code }).count++
  }
}

const kinds: ReadonlyArray<readonly [string, number]> = [
  ...Object.entries(Layout.kinds),
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
