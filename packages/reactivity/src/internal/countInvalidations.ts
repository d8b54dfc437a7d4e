/** Counts of the invalidations that peers caused at this node (docs/metrics.md, section "The metrics of invalidations"). */
import type { Counter, NodeMetrics } from "@coterie/core/NodeMetrics"
import type { Cause } from "./Reader.ts"

/** Functions that count one invalidation each. */
export interface InvalidationCounters {
  readonly keys: () => void
  readonly all: (cause: Cause) => void
}

const causes: ReadonlyArray<Cause> = ["Told", "Gone", "Unread"]

/** Makes the counters of a channel, which start with 0. */
export const countInvalidations = (metrics: NodeMetrics, channel: string): InvalidationCounters => {
  const counter = (kind: string): Counter =>
    metrics.counter({
      id: "coterie_invalidations_total",
      description: "Invalidations that peers caused, of keys and of everything.",
      labels: { channel, kind },
    })
  const keys = counter("keys")
  const all = new Map(causes.map((cause) => [cause, counter(cause)] as const))
  return { keys: keys.increment, all: (cause) => all.get(cause)?.increment() }
}
