/** Parts of a transport that exist once for each node that uses it. */
import type { NodeMetrics } from "@coterie/core/NodeMetrics"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export class NodeParts<A> {
  private readonly make: (metrics: NodeMetrics) => A
  private readonly parts = new Set<A>()

  constructor(make: (metrics: NodeMetrics) => A) {
    this.make = make
  }

  /** Makes the part of a node, which exists until the scope closes. */
  add(metrics: NodeMetrics): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => {
          const part = this.make(metrics)
          this.parts.add(part)
          return part
        }),
        (part) => Effect.sync(() => this.parts.delete(part)),
      ),
    )
  }

  forEach(use: (part: A) => void): void {
    for (const part of this.parts) use(part)
  }
}
