/** Metrics of placements (docs/metrics.md). */
import type { NodeMetrics } from "@coterie/core/NodeMetrics"

/** Registers the series of the placements of a group. Returns a function that counts a change. */
export const addMetrics = (metrics: NodeMetrics, name: string): ((kind: "acquired" | "released") => void) => {
  // The labels of lanes are bounded, so the labels of groups are, too.
  const lane = `coterie.state/groups/${name}`
  const group = metrics.laneLabel(lane) === lane ? name : "other"
  const keys = metrics.gauge({
    id: "coterie_placement_keys",
    description: "Watched keys that this node owns.",
    labels: { group },
  })
  const counter = (kind: string) =>
    metrics.counter({
      id: "coterie_placement_changes_total",
      description: "Keys that this node has taken and given up, by kind.",
      labels: { group, kind },
    })
  const counters = { acquired: counter("acquired"), released: counter("released") }
  return (kind) => {
    counters[kind].increment()
    keys.add(kind === "acquired" ? 1 : -1)
  }
}
