/**
 * Metrics that a package or a transport adds to those of a node, as `@coterie/rpc` does for requests.
 *
 * @since 0.1.0
 */

/**
 * Labels of a series and their values.
 *
 * @category models
 * @since 0.1.0
 */
export type Labels = Readonly<Record<string, string>>

/**
 * A sum that only increases.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counter {
  /** Adds 1 to the sum. */
  readonly increment: () => void
}

/**
 * A number that increases and decreases.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gauge {
  /** Adds a number, which may be negative. */
  readonly add: (change: number) => void
}

/**
 * A distribution of numbers in buckets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Histogram {
  /** Adds a number to its bucket. */
  readonly record: (value: number) => void
}

/**
 * Name, description and labels of a series. The series also gets the labels `cluster` and `node`.
 *
 * @category options
 * @since 0.1.0
 */
export interface SeriesOptions {
  /** Name of the metric, the `id` in Effect's registry. All series of one name have one type. */
  readonly id: string
  readonly description: string
  /** Labels of the series. Each value must come from a bounded set, because every other value is another series. */
  readonly labels: Labels
}

/**
 * Series of a gauge that is computed when the metrics are read.
 *
 * @category options
 * @since 0.1.0
 */
export interface ObservedOptions extends SeriesOptions {
  /** Returns the value. Every read of the metrics calls it, so it must be fast, and must not throw. */
  readonly read: () => number
}

/**
 * Metrics of one node in Effect's registry.
 *
 * **Details**
 *
 * A series is in the registry from the first call with its `id` and labels until the node has left. A further call with
 * the same `id` and labels returns the same series, so several users of one node add to one sum. The methods of a
 * series are cheap enough to run for every message. Keep the series, because finding it again costs more. After the node
 * has left, all calls have no effect.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeMetrics {
  /** Returns a counter, which starts with 0. */
  readonly counter: (options: SeriesOptions) => Counter
  /** Returns a gauge, which starts with 0. */
  readonly gauge: (options: SeriesOptions) => Gauge
  /**
   * Adds a gauge that `read` computes when the metrics are read. Returns a function that removes the series, for example
   * when the thing that its labels name has gone. A further call with the same `id` and labels replaces the series.
   */
  readonly observe: (options: ObservedOptions) => () => void
  /** Returns a histogram. `boundaries` are the upper limits of its buckets, in ascending order. */
  readonly histogram: (options: SeriesOptions & { readonly boundaries: ReadonlyArray<number> }) => Histogram
  /**
   * Returns the label of a lane: its name for the first `limits.laneLabels` lanes that this node uses, and `other` for
   * all later lanes. A lane whose label is its name keeps that label. The inbox is the lane with the empty name.
   */
  readonly laneLabel: (lane: string) => string
}
