/** Values that all users on a node share, such as the map of all groups. */
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as RcRef from "effect/RcRef"
import * as Scope from "effect/Scope"

/** Makes the reference to the value of one node. */
const makeRef = <A, E, R>(make: Effect.Effect<A, E, R>): Effect.Effect<RcRef.RcRef<A, E>, never, R | Scope.Scope> => {
  // A value may be needed again while the one before is being closed, and a map can be opened only once.
  const isClosed = Latch.makeUnsafe(true)
  const hold = Effect.acquireRelease(
    Effect.sync(() => isClosed.closeUnsafe()),
    () => isClosed.open,
  )
  return RcRef.make({ acquire: Effect.andThen(isClosed.await, Effect.andThen(hold, make)) })
}

/**
 * Returns an effect that provides the value of a node. The first user on the node makes it. It is closed with the scope
 * of the last user.
 */
export const sharedByNode = <A, E, R>(
  make: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, Exclude<R, Scope.Scope> | Cluster | Scope.Scope> => {
  const refs = new WeakMap<Cluster["Service"], RcRef.RcRef<A, E>>()
  return Effect.gen(function* () {
    const cluster = yield* Cluster
    // The scope of the reference stays open. It holds nothing, because the users hold the value.
    const made = yield* Scope.provide(makeRef(make), Scope.makeUnsafe())
    const ref = refs.get(cluster) ?? made
    refs.set(cluster, ref)
    return yield* RcRef.get(ref)
  })
}
