/** Metrics without a node. */
import type { NodeMetrics, SeriesOptions } from "@coterie/core/NodeMetrics"

const nameOf = ({ id, labels }: SeriesOptions): string => [id, ...Object.values(labels)].join(" ")

export class ShownMetrics {
  private readonly series = new Map<string, () => number>()

  readonly metrics: NodeMetrics = {
    counter: (options) => ({ increment: this.sum(options, 1) }),
    gauge: (options) => ({ add: this.sum(options) }),
    histogram: (options) => ({ record: this.sum(options) }),
    observe: (options) => {
      const name = nameOf(options)
      this.series.set(name, options.read)
      return () => this.series.delete(name)
    },
    laneLabel: (lane) => lane,
  }

  /** Values of all series. The keys are the names and the values of the labels. */
  get values(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.series].map(([name, read]) => [name, read()]))
  }

  private sum(options: SeriesOptions, change?: number): (added?: number) => void {
    let total = 0
    this.series.set(nameOf(options), () => total)
    return (added = 0) => void (total += change ?? added)
  }
}
