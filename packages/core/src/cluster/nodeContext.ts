/**
 * The context of a node, for operations that the application calls and whose fibers outlive the call. These fibers use
 * the scheduler, the loggers, the annotations and the span of the node instead of those of the caller, which may be a
 * single request.
 */
import * as Effect from "effect/Effect"

/** Runs effects in the context of the node. */
export type InNodeContext = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/** Captures the context of the node, which is the context of the calling fiber. */
export const make: Effect.Effect<InNodeContext> = Effect.map(
  Effect.context<never>(),
  (context): InNodeContext =>
    (effect) =>
      Effect.updateContext(effect, () => context),
)
