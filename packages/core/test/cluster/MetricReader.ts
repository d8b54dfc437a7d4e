/** The metrics of one registry, so that a test does not see the metrics of another test. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

type Labels = Readonly<Record<string, string>>

/** Returns the value of a counter or gauge, and the count of a histogram. */
export const numberOf = (metric: Metric.Metric.Snapshot): number => {
  switch (metric.type) {
    case "Counter":
      return Number(metric.state.count)
    case "Gauge":
      return Number(metric.state.value)
    case "Histogram":
      return metric.state.count
    default:
      return Number.NaN
  }
}

/** Reads the metrics of nodes by their labels. */
export class MetricReader {
  private readonly context: Context.Context<never>

  constructor(registry: Metric.MetricRegistry) {
    this.context = Context.make(Metric.MetricRegistry, registry)
  }

  all(): ReadonlyArray<Metric.Metric.Snapshot> {
    return Metric.snapshotUnsafe(this.context)
  }

  find(node: string, id: string, labels: Labels = {}): ReadonlyArray<Metric.Metric.Snapshot> {
    return this.all().filter(
      (metric) =>
        metric.id === id &&
        metric.attributes?.["node"] === node &&
        Object.entries(labels).every(([key, value]) => metric.attributes?.[key] === value),
    )
  }

  /** Returns the value of the series with these labels. Fails unless there is exactly one. */
  value(node: string, id: string, labels?: Labels): number {
    const [metric, ...others] = this.find(node, id, labels)
    assert.isDefined(metric, `${node} has no ${id} ${JSON.stringify(labels)}`)
    assert.deepStrictEqual(others, [])
    return metric === undefined ? Number.NaN : numberOf(metric)
  }

  /** Returns the sum of all series with these labels. */
  sum(node: string, id: string, labels?: Labels): number {
    return this.find(node, id, labels).reduce((total, metric) => total + numberOf(metric), 0)
  }
}
