/** Resources of which a node has one, for all of their users. */
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"

/** A resource that is open, and the number of its users. */
interface Opened<A> {
  readonly value: A
  readonly scope: Scope.Closeable
  users: number
}

/** The resource of one node. */
class Shared<A> {
  /** Held while the resource opens or closes, so that it does not open before it has closed. */
  readonly lock = Semaphore.makeUnsafe(1)
  opened: Opened<A> | undefined
}

/**
 * Returns an effect that opens a resource once per node. The resource closes when the last scope that uses it closes. It
 * opens in the context of its first user. Unlike `RcRef`, it opens again only when it has closed, and in the context of
 * the user at that time.
 */
export const perNode = <A, E>(
  open: Effect.Effect<A, E, Cluster | Scope.Scope>,
): Effect.Effect<A, E, Cluster | Scope.Scope> => {
  const nodes = new WeakMap<Cluster["Service"], Shared<A>>()

  const acquire = (shared: Shared<A>) =>
    Effect.gen(function* () {
      const opened = shared.opened ?? (yield* openScoped)
      shared.opened = opened
      opened.users++
      return opened
    })
  const openScoped = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const value = yield* Effect.onExit(Scope.provide(open, scope), (exit) =>
      Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void,
    )
    const opened: Opened<A> = { value, scope, users: 0 }
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
