/** Metrics for tests of what is counted and shown. */
import type * as Metric from "effect/Metric"
import * as ObservedMetrics from "../../src/cluster/ObservedMetrics.ts"

/** Metrics in a registry of their own, and what it shows. */
export const makeMetrics = () => {
  const registry: Metric.MetricRegistry = new Map()
  const metrics = new ObservedMetrics.ObservedMetrics(registry, { node: "a" })
  /** Returns the value of the one series with this id and these labels. */
  const valueOf = (id: string, labels: ObservedMetrics.Labels = {}): unknown => {
    const found = [...registry.values()].filter(
      (metric) =>
        metric.id === id && Object.entries(labels).every(([key, value]) => metric.attributes?.[key] === value),
    )
    return found.length === 1 ? found[0]?.hooks.get(undefined as never) : found.length
  }
  return { metrics, registry, valueOf }
}

/** The state of a counter. */
export const count = (sum: number) => ({ count: sum, incremental: true })
