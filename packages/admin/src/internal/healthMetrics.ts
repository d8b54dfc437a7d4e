/** Metrics of the health, computed when the metrics are read. */
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import * as Health from "../Health.ts"

/** Adds the metrics until the scope closes. */
export const observeHealth = Effect.gen(function* () {
  const { inspect, metrics } = yield* Cluster
  const policy = yield* Health.Health
  const observe = (id: string, description: string, question: typeof Health.ready) => {
    // An inspection without `ping` never waits.
    const read = () => Number(question(Effect.runSync(inspect()), policy).ok)
    const remove = metrics.observe({ id, description, labels: {}, read })
    return Effect.addFinalizer(() => Effect.sync(remove))
  }
  yield* observe("coterie_started", "1 if the node has found its place in the cluster.", Health.started)
  yield* observe("coterie_ready", "1 if the process may get traffic.", Health.ready)
})
