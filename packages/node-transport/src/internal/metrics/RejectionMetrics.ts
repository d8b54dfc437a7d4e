/** Counts the changes of secrets and certificates that could not be used (docs/metrics.md). */
import type { Counter, NodeMetrics } from "@coterie/core/NodeMetrics"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { NodeParts } from "./NodeParts.ts"

/** Things that nodes prove themselves with. */
export type ProofKind = "secrets" | "certificates"

export class RejectionMetrics {
  private total = 0
  private readonly nodes: NodeParts<Counter>

  constructor(kind: ProofKind) {
    this.nodes = new NodeParts((metrics) => {
      const counter = metrics.counter({
        id: "coterie_rejected_changes_total",
        description: "Changes of secrets or certificates that could not be used.",
        labels: { kind },
      })
      for (let i = 0; i < this.total; i++) counter.increment()
      return counter
    })
  }

  /** Counts a change. */
  readonly reject = (): void => {
    this.total++
    this.nodes.forEach((counter) => counter.increment())
  }

  /** Counts the changes that another part counts, until the scope closes. Each element of the stream is its number until then. */
  follow(numbers: Stream.Stream<number> | undefined): Effect.Effect<void, never, Scope.Scope> {
    if (numbers === undefined) return Effect.void
    let counted = 0
    const count = (number: number) =>
      Effect.sync(() => {
        for (; counted < number; counted++) this.reject()
      })
    return Effect.asVoid(Effect.forkScoped(Stream.runForEach(numbers, count)))
  }

  /** Shows the metric to a node until the scope closes. */
  readonly addMetrics = (metrics: NodeMetrics) => this.nodes.add(metrics)
}
