/** Computed gauges that come and go with the things that their labels name, at each node that uses a transport. */
import type { NodeMetrics, ObservedOptions } from "@coterie/core/NodeMetrics"
import { NodeParts } from "./NodeParts.ts"

/** The gauges of one node. */
class NodeGauges {
  private readonly metrics: NodeMetrics
  /** Functions that remove the series in the registry. */
  private readonly shown = new Map<string, () => void>()

  constructor(metrics: NodeMetrics) {
    this.metrics = metrics
  }

  /** Adds the series that the registry does not have, and removes all other series. A series keeps its first `read`. */
  show(wanted: ReadonlyArray<ObservedOptions>): void {
    const byName = new Map(wanted.map((series) => [nameOf(series), series]))
    for (const [name, remove] of this.shown) {
      if (byName.has(name)) continue
      remove()
      this.shown.delete(name)
    }
    for (const [name, series] of byName) {
      if (!this.shown.has(name)) this.shown.set(name, this.metrics.observe(series))
    }
  }
}

export class ChangingGauges {
  private readonly series: () => ReadonlyArray<ObservedOptions>
  private readonly nodes = new NodeParts((metrics) => {
    const gauges = new NodeGauges(metrics)
    gauges.show(this.series())
    return gauges
  })

  /** `series` returns the series of this moment. */
  constructor(series: () => ReadonlyArray<ObservedOptions>) {
    this.series = series
  }

  /** Adds and removes series after something came or went. */
  update(): void {
    const series = this.series()
    this.nodes.forEach((gauges) => gauges.show(series))
  }

  /** Shows the gauges to a node until the scope closes. */
  readonly addMetrics = (metrics: NodeMetrics) => this.nodes.add(metrics)
}

const nameOf = ({ id, labels }: ObservedOptions): string => JSON.stringify([id, Object.entries(labels)])
