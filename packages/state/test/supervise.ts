import type { Simulation } from "@coterie/testkit"
import * as Effect from "effect/Effect"

/** Restarts nodes that have stopped because a newer life of their name is known. */
export const supervise = <A>(
  nodes: Readonly<Record<string, Simulation.Node<A>>>,
  hasStopped: (node: Simulation.Node<A>) => boolean,
) =>
  Effect.gen(function* () {
    for (const node of Object.values(nodes)) {
      if (!hasStopped(node)) continue
      yield* Effect.ignore(node.stop)
      yield* Effect.ignore(node.restart)
    }
    yield* Effect.sleep("1 second")
  }).pipe(Effect.forever)
