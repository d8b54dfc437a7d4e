/** Counts the connections that a transport refuses before they reach the node (docs/metrics.md). */
import type { Counter, NodeMetrics } from "@coterie/core/NodeMetrics"
import type { AcceptObserver, Refusal, RefusalReason } from "../accept/Refusal.ts"
import { NodeParts } from "./NodeParts.ts"

/** Counters of one node, from the first refusal for each reason on. */
class RefusalCounters {
  private readonly metrics: NodeMetrics
  private readonly counters = new Map<RefusalReason, Counter>()

  constructor(metrics: NodeMetrics) {
    this.metrics = metrics
  }

  of(reason: RefusalReason): Counter {
    const known = this.counters.get(reason)
    if (known !== undefined) return known
    const counter = this.metrics.counter({
      // The node counts the connections that reach it under the same name.
      id: "coterie_connections_total",
      description: "Attempts to make a link, by the outcome of the handshake.",
      labels: { direction: "in", outcome: reason },
    })
    this.counters.set(reason, counter)
    return counter
  }
}

export class RefusalMetrics implements AcceptObserver {
  private readonly nodes = new NodeParts((metrics) => new RefusalCounters(metrics))

  readonly refused = ({ reason }: Refusal): void => this.nodes.forEach((counters) => counters.of(reason).increment())

  /** Counts for a node until the scope closes. */
  readonly addMetrics = (metrics: NodeMetrics) => this.nodes.add(metrics)
}
