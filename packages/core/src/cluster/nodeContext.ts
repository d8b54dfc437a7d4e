/**
 * The context of a node, for operations that the application calls and whose fibers outlive the call. These fibers use
 * the scheduler, the loggers and the annotations of the node instead of those of the caller, which may be a single
 * request.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** Runs effects in the context of the node, with the span of the caller if there is one. */
export type InNodeContext = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/** Captures the context of the node, which is the context of the calling fiber. */
export const make: Effect.Effect<InNodeContext> = Effect.map(
  Effect.context<never>(),
  (context): InNodeContext =>
    (effect) =>
      Effect.updateContext(effect, (caller: Context.Context<never>) =>
        Context.merge(context, Context.pick(Tracer.ParentSpan)(caller)),
      ),
)
