import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

/** Number of messages that the owned maps of all nodes have sent. */
export const messagesSent = Effect.map(Effect.context<never>(), (context) =>
  Metric.snapshotUnsafe(context)
    .filter(({ id }) => id === "coterie_state_parts_total" || id === "coterie_state_requests_total")
    .reduce((sum, metric) => sum + (metric.type === "Counter" ? Number(metric.state.count) : 0), 0),
)
