/** Computed gauges of one node that come and go with the things that their labels name. */
import type { NodeMetrics, ObservedOptions } from "@coterie/core/NodeMetrics"

export class ChangingGauges {
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

const nameOf = ({ id, labels }: ObservedOptions): string => JSON.stringify([id, Object.entries(labels)])
