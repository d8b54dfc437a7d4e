/**
 * Effect's `Reactivity` for all peers: a mutation at one node runs the queries of its keys again at all nodes.
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { PeerReactivity } from "@coterie/reactivity"
 * import { Effect, Layer, Stream } from "effect"
 * import { Reactivity } from "effect/reactivity"
 *
 * // The program is the same as with `Reactivity.layer`, which knows one process only.
 * const names: Array<string> = []
 * const add = (name: string) => Reactivity.mutation(Effect.sync(() => names.push(name)), ["names"])
 * const show = Reactivity.stream(Effect.sync(() => names.join()), ["names"]).pipe(
 *   Stream.runForEach((list) => Effect.log(list)),
 * )
 *
 * export const Live = Cluster.layerStart.pipe(
 *   Layer.provideMerge(PeerReactivity.layer),
 *   Layer.provideMerge(Cluster.layer({ cluster: "names", name: "a", start: "manual" })),
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as PeerInvalidation from "./PeerInvalidation.ts"

/**
 * Options of {@link make} and {@link layerWith}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends PeerInvalidation.Options {
  /** Name of the channel. Nodes with different names do not hear each other. Defaults to `default`. */
  readonly channel?: string | undefined
}

/** Default of {@link Options.channel}. */
const defaultChannel = "default"

/** Keys of Effect's service. */
type Keys = Parameters<Reactivity.Reactivity["invalidate"]>[0]

/**
 * Key that each query and handler has in addition to its own. Effect makes a number of a symbol, so no string is equal to
 * it.
 */
const everything = Symbol("everything")

/** Keys for the peers that a batch of this fiber has collected. */
class PeerBatch extends Context.Service<PeerBatch, Set<string>>()("@coterie/reactivity/PeerBatch") {}

/**
 * Makes a `Reactivity` for all peers, which ends with the scope.
 *
 * **Details**
 *
 * - Keys are strings, numbers, bigints and booleans, or records of them. `invalidate`, `mutation`, `query`, `stream` and
 *   `registerUnsafe` die with another key, `mutation` before its effect runs. `invalidateUnsafe` throws. An invalidation
 *   with such a key invalidates everything at the peers, because the data may have changed.
 * - Where a peer's invalidation may be lost, every query and handler of this node runs again (`PeerInvalidation.Stale`).
 * - In `withBatch`, peers learn of the keys at the end of the batch. In `SqlClient.withTransaction`, they learn of the
 *   keys after the commit, and of none after a rollback.
 * - A mutation that is interrupted invalidates its keys, because its effect may have written. Effect's own does not.
 * - Fails with the `OptionsError` of `PeerInvalidation.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({
  channel = defaultChannel,
  ...options
}: Options = {}): Effect.fn.Return<Reactivity.Reactivity, OptionsError, Cluster | Scope.Scope> {
  const local = yield* Reactivity.make
  const peers = yield* PeerInvalidation.make(
    `reactivity/${channel}`,
    (stale) => Effect.sync(() => local.invalidateUnsafe(stale._tag === "All" ? [everything] : [...stale.keys])),
    options,
  )

  const invalidateUnsafe = (keys: Keys): void => {
    const flat = flatten(keys)
    if (flat instanceof TypeError) peers.invalidateAllUnsafe()
    else peers.invalidateUnsafe(flat)
    local.invalidateUnsafe(keys)
    if (flat instanceof TypeError) throw flat
  }

  const invalidate = (keys: Keys): Effect.Effect<void> =>
    Effect.contextWith((services) => {
      const flat = flatten(keys)
      const batch = Context.getOrUndefined(services, PeerBatch)
      if (flat instanceof TypeError) peers.invalidateAllUnsafe()
      else if (batch === undefined) peers.invalidateUnsafe(flat)
      else for (const key of flat) batch.add(key)
      return flat instanceof TypeError
        ? Effect.andThen(local.invalidate(keys), Effect.die(flat))
        : local.invalidate(keys)
    })

  return Reactivity.Reactivity.of({
    ...local,
    invalidateUnsafe,
    invalidate,
    registerUnsafe: (keys, handler) => local.registerUnsafe(registered(keys), handler),
    mutation: (keys, effect) =>
      Effect.suspend(() => {
        const flat = flatten(keys)
        if (flat instanceof TypeError) return Effect.die(flat)
        return Effect.onExit(effect, (exit) =>
          Exit.isSuccess(exit) || Cause.hasInterrupts(exit.cause) ? invalidate(keys) : Effect.void,
        )
      }),
    // Those of `local` register with `local`, which does not know the additional key.
    query: (keys, effect) => Effect.suspend(() => local.query(registered(keys), effect)),
    stream: (keys, effect) => Stream.suspend(() => local.stream(registered(keys), effect)),
    withBatch: (effect) =>
      Effect.suspend(() => {
        const batch = new Set<string>()
        return local
          .withBatch(Effect.provideService(effect, PeerBatch, batch))
          .pipe(Effect.onExit(() => Effect.sync(() => peers.invalidateUnsafe(batch))))
      }),
  })
})

/**
 * Provides a `Reactivity` for all peers with the default options, in the place of `Reactivity.layer`. Build it before the
 * node starts.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Reactivity.Reactivity, OptionsError, Cluster> = Layer.effect(Reactivity.Reactivity)(
  Effect.suspend(() => make()),
)

/**
 * Provides a `Reactivity` for all peers, like {@link layer}, with other options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<Reactivity.Reactivity, OptionsError, Cluster> =>
  Layer.effect(Reactivity.Reactivity)(make(options))

/**
 * Returns the texts by which Effect compares keys, so that they mean the same at all nodes: a key, and `key:id` for each
 * id of a record. Returns an error if a key has no text that is the same at all nodes.
 */
const flatten = (keys: Keys): ReadonlyArray<string> | TypeError => {
  const flat: Array<string> = []
  const add = (prefix: string, key: unknown): TypeError | undefined => {
    if (typeof key === "object" || typeof key === "function" || typeof key === "symbol" || key === undefined) {
      return wrongKey(key)
    }
    flat.push(`${prefix}${String(key)}`)
    return undefined
  }
  if (isList(keys)) {
    for (const key of keys) {
      const problem = add("", key)
      if (problem !== undefined) return problem
    }
    return flat
  }
  for (const [name, ids] of Object.entries(keys)) {
    flat.push(name)
    for (const id of ids) {
      const problem = add(`${name}:`, id)
      if (problem !== undefined) return problem
    }
  }
  return flat
}

const isList = (keys: Keys): keys is ReadonlyArray<unknown> => Array.isArray(keys)

const wrongKey = (key: unknown): TypeError =>
  new TypeError(
    `a key of Reactivity of type ${key === null ? "null" : typeof key} cannot be sent to peers; use a string or a number, such as the id of the object`,
  )

/** Returns the keys for a query or handler, or throws if one of them is wrong. */
const registered = (keys: Keys): ReadonlyArray<unknown> => {
  const flat = flatten(keys)
  if (flat instanceof TypeError) throw flat
  return [...flat, everything]
}
