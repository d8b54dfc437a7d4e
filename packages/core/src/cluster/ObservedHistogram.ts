/** Histogram outside the registry of the application. */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

export class ObservedHistogram {
  private readonly histogram: Metric.Histogram<number>
  // A private registry holds the histogram, so that the node can remove the series from the registry of the
  // application.
  private readonly own = Context.make(Metric.MetricRegistry, new Map())

  /** Makes an empty histogram. `boundaries` are the upper limits of the buckets. */
  constructor(id: string, boundaries: ReadonlyArray<number>) {
    this.histogram = Metric.histogram(id, { boundaries })
  }

  /** Adds a number to its bucket. */
  readonly record = (value: number): void => {
    this.histogram.updateUnsafe(value, this.own)
  }

  get state(): Metric.HistogramState {
    return this.histogram.valueUnsafe(this.own)
  }
}
