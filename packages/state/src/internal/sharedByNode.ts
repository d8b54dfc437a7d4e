/** Values that all users on a node share, such as the map of all groups. */
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"

/** A value that is open, and the number of its users. */
interface Opened<A> {
  readonly value: A
  readonly scope: Scope.Closeable
  users: number
}

/** The value of one node. */
class Shared<A> {
  /** Held while the value opens or closes, because a map can open again only when it has closed. */
  readonly lock = Semaphore.makeUnsafe(1)
  opened: Opened<A> | undefined
}

/**
 * Returns an effect that provides the value of a node. The first user on the node makes it, in its own context. It is
 * closed with the scope of the last user. `RcRef` would keep the context of the first user for all later ones, and would
 * open the value again before it has closed.
 */
export const sharedByNode = <A, E, R>(
  make: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, Exclude<R, Scope.Scope> | Cluster | Scope.Scope> => {
  const nodes = new WeakMap<Cluster["Service"], Shared<A>>()

  const open = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const value = yield* Effect.onExit(Scope.provide(make, scope), (exit) =>
      Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void,
    )
    const opened: Opened<A> = { value, scope, users: 0 }
    return opened
  })
  const acquire = (shared: Shared<A>) =>
    Effect.gen(function* () {
      const opened = shared.opened ?? (yield* open)
      shared.opened = opened
      opened.users++
      return opened
    })
  const release = (shared: Shared<A>, opened: Opened<A>) =>
    Effect.suspend(() => {
      if (--opened.users > 0) return Effect.void
      shared.opened = undefined
      return Scope.close(opened.scope, Exit.void)
    })

  return Effect.gen(function* () {
    const cluster = yield* Cluster
    const shared = nodes.get(cluster) ?? new Shared<A>()
    nodes.set(cluster, shared)
    const { value } = yield* Effect.acquireRelease(shared.lock.withPermits(1)(acquire(shared)), (opened) =>
      shared.lock.withPermits(1)(release(shared, opened)),
    )
    return value
  })
}
