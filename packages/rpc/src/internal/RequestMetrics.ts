/**
 * Counts of the requests of a service in one direction (docs/metrics.md). Each request is counted when it begins and
 * when it ends, so the sum of the outcomes and the requests in flight is the number of requests.
 */
import type { Counter, Gauge, NodeMetrics } from "@coterie/core/NodeMetrics"
import type { RequestOutcome } from "./requestOutcomes.ts"

export interface Options {
  readonly metrics: NodeMetrics
  /** `out` for the requests that this node makes, `in` for those that it serves. */
  readonly direction: "in" | "out"
  /** Value of the label `service`. */
  readonly service: string
}

export class RequestMetrics {
  private readonly options: Options
  private readonly requests: Counter
  private readonly inFlight: Gauge
  private readonly outcomes = new Map<RequestOutcome, Counter>()

  constructor(options: Options) {
    const { direction, metrics, service } = options
    this.options = options
    const labels = { direction, service }
    this.requests = metrics.counter({ id: "coterie_requests_total", description: "Requests of each service.", labels })
    this.inFlight = metrics.gauge({
      id: "coterie_requests_in_flight",
      description: "Requests that have not ended.",
      labels,
    })
    // Present from the start, so that dashboards show the first success as an increase.
    this.counterOf("success")
  }

  /** Counts a request that begins. */
  begin(): void {
    this.requests.increment()
    this.inFlight.add(1)
  }

  /** Counts the outcome of a request that began. */
  end(outcome: RequestOutcome): void {
    this.inFlight.add(-1)
    this.counterOf(outcome).increment()
  }

  /** Counts a request that is refused when it arrives. It is never in flight. */
  refuse(outcome: RequestOutcome): void {
    this.requests.increment()
    this.counterOf(outcome).increment()
  }

  private counterOf(outcome: RequestOutcome): Counter {
    const known = this.outcomes.get(outcome)
    if (known !== undefined) return known
    const { direction, metrics, service } = this.options
    const counter = metrics.counter({
      id: "coterie_request_outcomes_total",
      description: "Requests that ended, by how they ended.",
      labels: { direction, outcome, service },
    })
    this.outcomes.set(outcome, counter)
    return counter
  }
}
