/** Shows a map, a presence or the shared values of a node to those who look at the node. */
import { Cluster } from "@coterie/core/Cluster"
import type { Component } from "@coterie/core/NodeComponents"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Adds a component to the node until the scope closes. */
export const addComponent = (component: Component): Effect.Effect<void, never, Cluster | Scope.Scope> =>
  Effect.flatMap(Cluster, ({ components }) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => components.add(component)),
        (remove) => Effect.sync(remove),
      ),
    ),
  )
