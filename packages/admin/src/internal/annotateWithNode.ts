/** Annotations of the log lines of the admin service. */
import type { Inspection } from "@coterie/core/Inspection"
import * as Effect from "effect/Effect"

/** Annotates log lines with `cluster` and `node`, like the lines of the node itself. An inspection is made for each call. */
export const annotateWithNode = <A, E, R>(
  inspection: Effect.Effect<Inspection>,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.flatMap(inspection, ({ self }) => Effect.annotateLogs(effect, { cluster: self.cluster, node: self.name }))
