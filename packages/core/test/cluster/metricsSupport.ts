/** Metrics for tests. */
import type * as Metric from "effect/Metric"
import * as ObservedMetrics from "../../src/cluster/ObservedMetrics.ts"

/** Makes metrics in a separate registry, and reads it. */
export const makeMetrics = () => {
  const registry: Metric.MetricRegistry = new Map()
  const metrics = new ObservedMetrics.ObservedMetrics(registry, { node: "a" })
  /** Returns the value of the series with this id and these labels. */
  const valueOf = (id: string, labels: ObservedMetrics.Labels = {}): unknown => {
    const found = [...registry.values()].filter(
      (metric) =>
        metric.id === id && Object.entries(labels).every(([key, value]) => metric.attributes?.[key] === value),
    )
    return found.length === 1 ? found[0]?.hooks.get(undefined as never) : found.length
  }
  return { metrics, registry, valueOf }
}

/** Returns the state of a counter with this sum. */
export const count = (sum: number) => ({ count: sum, incremental: true })
