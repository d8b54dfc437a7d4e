/** Time from a request of this node until its response, as a histogram (docs/metrics.md). */
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Histogram, NodeMetrics } from "@coterie/core/NodeMetrics"
import type { Clock } from "effect/Clock"

/** Bucket boundaries in seconds. They range from a round trip within a data center to a long job. */
const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export class AnswerTime {
  private readonly histogram: Histogram
  private readonly clock: Clock

  /** Makes the histogram. `service` is the value of its label. */
  constructor(metrics: NodeMetrics, service: string, clock: Clock) {
    this.clock = clock
    this.histogram = metrics.histogram({
      id: "coterie_request_seconds",
      description: "Time from a request of this node until its response.",
      labels: { service },
      boundaries,
    })
  }

  /** Returns the current time in milliseconds, for {@link record}. */
  now(): number {
    return MonotonicTime.millisUnsafe(this.clock)
  }

  /** Records the response to a request that began at the given time. */
  record(began: number): void {
    this.histogram.record((this.now() - began) / 1_000)
  }
}
