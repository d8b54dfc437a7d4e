/**
 * Waits that resume in a separate scheduler task. `Latch.open` and `Deferred.done` run waiters synchronously in the
 * fiber that calls them. That fiber may be the membership fiber or the reader of a link, where application code must
 * not run. A writer must not run there either, because it would write each frame separately instead of in a batch.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"

/** Waits for the latch, and continues in a separate scheduler task. */
export const awaitLatch = (latch: Latch.Latch): Effect.Effect<void> =>
  Effect.andThen(latch.await, () => Effect.yieldNow)

/** Waits for the deferred, and continues in a separate scheduler task. */
export const awaitDeferred = <A, E>(deferred: Deferred.Deferred<A, E>): Effect.Effect<A, E> =>
  Effect.onExit(Deferred.await(deferred), () => Effect.yieldNow)
