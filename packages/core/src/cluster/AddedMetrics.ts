/**
 * Metrics that packages and the transport add to those of the node. A series exists once, so all users of one id with
 * the same labels add to one sum.
 */
import type { Counter, Gauge, Histogram, NodeMetrics, ObservedOptions, SeriesOptions } from "../NodeMetrics.ts"
import type { ObservedHistogram } from "./ObservedHistogram.ts"
import * as ObservedMetrics from "./ObservedMetrics.ts"

class AddedCounter implements Counter {
  private readonly sum = new ObservedMetrics.Counter()

  constructor(metrics: ObservedMetrics.ObservedMetrics, { description, id, labels }: SeriesOptions) {
    metrics.counter(id, description, labels, () => this.sum.count)
  }

  readonly increment = (): void => {
    this.sum.count++
  }
}

class AddedGauge implements Gauge {
  private value = 0

  constructor(metrics: ObservedMetrics.ObservedMetrics, { description, id, labels }: SeriesOptions) {
    metrics.gauge(id, description, labels, () => this.value)
  }

  readonly add = (change: number): void => {
    this.value += change
  }
}

/** Series of one type, by their ids and labels. */
class SeriesByKey<Series> {
  private readonly known = new Map<string, Series>()

  /** Returns the series. Makes it if it does not exist. */
  get({ id, labels }: SeriesOptions, make: () => Series): Series {
    const key = ObservedMetrics.keyOf(id, labels)
    const known = this.known.get(key)
    if (known !== undefined) return known
    const fresh = make()
    this.known.set(key, fresh)
    return fresh
  }
}

export class AddedMetrics implements NodeMetrics {
  readonly laneLabel: (lane: string) => string
  private readonly metrics: ObservedMetrics.ObservedMetrics
  private readonly counters = new SeriesByKey<AddedCounter>()
  private readonly gauges = new SeriesByKey<AddedGauge>()
  private readonly histograms = new SeriesByKey<ObservedHistogram>()

  constructor(metrics: ObservedMetrics.ObservedMetrics, laneLabel: (lane: string) => string) {
    this.metrics = metrics
    this.laneLabel = laneLabel
  }

  readonly counter = (options: SeriesOptions): Counter =>
    this.counters.get(options, () => new AddedCounter(this.metrics, options))

  readonly gauge = (options: SeriesOptions): Gauge =>
    this.gauges.get(options, () => new AddedGauge(this.metrics, options))

  readonly observe = ({ description, id, labels, read }: ObservedOptions): (() => void) =>
    this.metrics.gauge(id, description, labels, read)

  readonly histogram = (options: SeriesOptions & { readonly boundaries: ReadonlyArray<number> }): Histogram =>
    this.histograms.get(options, () => this.metrics.histogram(options.id, options.description, options.labels, options))
}
