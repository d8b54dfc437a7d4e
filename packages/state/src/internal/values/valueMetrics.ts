/** Metrics of the shared values of a node (docs/metrics.md). */
import type { Counter, NodeMetrics } from "@coterie/core/NodeMetrics"

export interface ValueMetrics {
  readonly conflicts: Counter
  readonly ahead: Counter
  readonly refused: Counter
  readonly undecodable: Counter
  /** Adds the gauge of the number of values. Returns a function that removes it. */
  readonly observe: (size: () => number) => () => void
}

/** Registers the series. No label has the name of a value, because peers choose these names. */
export const addValueMetrics = (metrics: NodeMetrics): ValueMetrics => {
  const counter = (id: string, description: string): Counter => metrics.counter({ id, description, labels: {} })
  return {
    conflicts: counter(
      "coterie_state_value_conflicts_total",
      "Writes that were lost to a write that had not seen them.",
    ),
    ahead: counter(
      "coterie_state_value_ahead_total",
      "Writes whose stamp is a minute ahead of the clock of this node.",
    ),
    refused: counter("coterie_state_value_refused_total", "Writes of values that exceed the number of values to keep."),
    undecodable: counter("coterie_state_value_undecodable_total", "Writes that do not match the schema of this node."),
    observe: (read) =>
      metrics.observe({
        id: "coterie_state_values",
        description: "Shared values that this node keeps.",
        labels: {},
        read,
      }),
  }
}
