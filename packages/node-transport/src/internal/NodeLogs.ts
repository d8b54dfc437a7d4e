/** Log of things that several nodes can use, such as a keyring: each line has the annotations of the node that it concerns. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export class NodeLogs {
  /** Contexts of the nodes. An object for each use, because two nodes can have the same context. */
  private readonly nodes = new Set<{ readonly context: Context.Context<never> }>()

  /** Adds the node that runs this effect until the scope closes. */
  readonly add: Effect.Effect<void, never, Scope.Scope> = Effect.flatMap(Effect.context<never>(), (context) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => {
          const node = { context }
          this.nodes.add(node)
          return node
        }),
        (node) => Effect.sync(() => this.nodes.delete(node)),
      ),
    ),
  )

  /** Writes the line once for each node, with its loggers and annotations. Without a node, writes it as the caller does. */
  write(line: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.nodes.size === 0
        ? line
        : Effect.forEach([...this.nodes], ({ context }) => Effect.provideContext(line, context), { discard: true }),
    )
  }
}
