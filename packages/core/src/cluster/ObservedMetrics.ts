/** Metrics that are computed when they are read. They are in the registry while a scope is open. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { ObservedHistogram } from "./ObservedHistogram.ts"

export type Labels = Readonly<Record<string, string>>

type Metadata = Metric.Metric.Metadata<never, unknown>

const ignore = (): void => {}

/** A sum that only increases. */
export class Counter {
  count = 0
}

export class ObservedMetrics {
  private readonly registry: Map<string, Metric.Metric.Metadata<never, unknown>>
  private readonly labels: Labels
  private readonly registered = new Map<string, Metadata>()
  private hasEnded = false

  /** Makes an empty set of metrics. All metrics get `labels`. */
  constructor(registry: Map<string, Metadata>, labels: Labels) {
    this.registry = registry
    this.labels = labels
  }

  /**
   * Adds a metric of any type to the registry. Replaces a metric with the same id and labels. Returns a function that
   * removes it.
   */
  show<State>(type: Metric.Metric.Type, id: string, description: string, labels: Labels, get: () => State): () => void {
    if (this.hasEnded) return ignore
    const attributes = { ...this.labels, ...labels }
    // `Metric.registerUnsafe` does the same and is not stable; the registry is.
    const metadata = { id, type, description, attributes, hooks: { get, update: ignore, modify: ignore } }
    const key = keyOf(id, attributes)
    this.registered.set(key, metadata)
    this.registry.set(key, metadata)
    return () => this.remove(key, metadata)
  }

  /** Adds a number that increases and decreases. */
  gauge(id: string, description: string, labels: Labels, read: () => number): () => void {
    return this.show("Gauge", id, description, labels, () => ({ value: read() }))
  }

  /** Adds a sum. */
  counter(id: string, description: string, labels: Labels, read: () => number): void {
    this.show("Counter", id, description, labels, () => ({ count: read(), incremental: true }))
  }

  /** Adds a new histogram. `boundaries` are the upper limits of its buckets. */
  histogram(
    id: string,
    description: string,
    labels: Labels,
    { boundaries }: { readonly boundaries: ReadonlyArray<number> },
  ): ObservedHistogram {
    const histogram = new ObservedHistogram(id, boundaries)
    this.show("Histogram", id, description, labels, () => histogram.state)
    return histogram
  }

  /** Returns a family of sums under one name. */
  counters(id: string, description: string): CounterFamily {
    return new CounterFamily((labels, read) => this.counter(id, description, labels, read))
  }

  /** Removes all metrics, except those that a newer node with the same labels in this process has replaced. */
  end(): void {
    this.hasEnded = true
    for (const [key, metadata] of this.registered) this.remove(key, metadata)
  }

  /** Removes a metric, unless another one has replaced it. */
  private remove(key: string, metadata: Metadata): void {
    if (this.registered.get(key) === metadata) this.registered.delete(key)
    if (this.registry.get(key) === metadata) this.registry.delete(key)
  }
}

/** Returns the key of a series, in which the labels are sorted. A node makes hundreds of series when it starts. */
export const keyOf = (id: string, labels: Labels): string => {
  let key = id
  for (const label of Object.keys(labels).sort()) {
    const value = labels[label] ?? ""
    // The lengths keep two different lists of labels apart, whatever characters they have.
    key += ` ${label.length}:${label}${value.length}:${value}`
  }
  return key
}

/** Sums under one name, by their labels. */
export class CounterFamily {
  private readonly show: (labels: Labels, read: () => number) => void
  private readonly sums = new Map<string, Counter>()

  /** Makes a family without sums. `show` adds a sum to the registry when it is first requested. */
  constructor(show: (labels: Labels, read: () => number) => void) {
    this.show = show
  }

  /** Returns the sum with these labels. */
  with(labels: Labels): Counter {
    const key = keyOf("", labels)
    const known = this.sums.get(key)
    if (known !== undefined) return known
    const fresh = new Counter()
    this.sums.set(key, fresh)
    this.show(labels, () => fresh.count)
    return fresh
  }
}

/** Makes metrics with these labels and the labels of the context. Closing the scope removes them. */
export const make = Effect.fnUntraced(function* (
  labels: Labels,
): Effect.fn.Return<ObservedMetrics, never, Scope.Scope> {
  const registry = yield* Metric.MetricRegistry
  const ofContext = yield* Metric.CurrentMetricAttributes
  const metrics = new ObservedMetrics(registry, { ...ofContext, ...labels })
  yield* Effect.addFinalizer(() => Effect.sync(() => metrics.end()))
  return metrics
})
