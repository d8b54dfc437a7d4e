/**
 * Fibers that code outside of an effect starts. `Effect.forkIn` is an effect, and its steps would be a part of the cost
 * of each request.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/** Starts a fiber, which runs at once up to its first wait. */
export type Start = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/** Makes a function that starts fibers in the scope. They have the context of this effect. */
export const startIn = (scope: Scope.Scope): Effect.Effect<Start> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const fork = Effect.runForkWith(context)
    return Effect.succeed<Start>((effect) => Fiber.runIn(fork(effect), scope))
  })
