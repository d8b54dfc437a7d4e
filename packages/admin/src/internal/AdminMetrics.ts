/** Metrics of the admin service (docs/metrics.md). No label has the name of a peer. */
import type { Counter, Gauge, Histogram, NodeMetrics } from "@coterie/core/NodeMetrics"
import type { Unanswered } from "../Report.ts"

/** Boundaries of the time of a question to the cluster, in seconds. The longest question takes 10 seconds. */
const boundaries = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]

/** Reasons that are labels. Another word of a relay of a later version counts as `other`. */
const reasons: ReadonlySet<string> = new Set(["timeout", "notServing", "noLink", "lost", "unreadable"])

const millisPerSecond = 1_000

export class AdminMetrics {
  /** Open event streams. */
  readonly eventStreams: Gauge
  private readonly metrics: NodeMetrics
  private readonly seconds: Histogram

  constructor(metrics: NodeMetrics) {
    this.metrics = metrics
    this.eventStreams = metrics.gauge({
      id: "coterie_admin_event_streams",
      description: "Event streams that are open.",
      labels: {},
    })
    this.seconds = metrics.histogram({
      id: "coterie_admin_cluster_seconds",
      description: "Time of the questions to the cluster.",
      labels: {},
      boundaries,
    })
  }

  /** Counts a question to the cluster and the members that did not answer it. */
  answered(millis: number, unanswered: ReadonlyArray<Unanswered>): void {
    this.seconds.record(millis / millisPerSecond)
    for (const { reason } of unanswered) this.unanswered(reasons.has(reason) ? reason : "other").increment()
  }

  private unanswered(reason: string): Counter {
    return this.metrics.counter({
      id: "coterie_admin_unanswered_total",
      description: "Members that did not answer a question to the cluster.",
      labels: { reason },
    })
  }
}
