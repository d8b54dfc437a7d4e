/**
 * Waiting without running in somebody else's turn. Opening a latch or completing a deferred resumes who
 * waits at once, inside the fiber that opened it. Where that fiber is the membership or the reader of a link,
 * application code must not run there; and a writer that is to gather a batch must not start with the first.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"

/** Waits for the latch, and goes on in a turn of its own. */
export const awaitLatch = (latch: Latch.Latch): Effect.Effect<void> =>
  Effect.andThen(latch.await, () => Effect.yieldNow)

/** Waits for the deferred, and goes on in a turn of its own. */
export const awaitDeferred = <A, E>(deferred: Deferred.Deferred<A, E>): Effect.Effect<A, E> =>
  Effect.onExit(Deferred.await(deferred), () => Effect.yieldNow)
