/**
 * Effect's `Cache` at several nodes: a key that one node invalidates is invalidated at all of them.
 *
 * ```ts
 * import { PeerCache } from "@coterie/reactivity"
 * import { Cache, Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const cache = yield* Cache.make({
 *     capacity: 10_000,
 *     lookup: (user: string) => Effect.succeed(`name of ${user}`),
 *   })
 *   const { invalidate } = yield* PeerCache.attach(cache, { channel: "names", key: Schema.String })
 *   // After the new name is stored:
 *   yield* invalidate("ann")
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import { EncodeError, type OptionsError } from "@coterie/core/ClusterError"
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as PeerInvalidation from "./PeerInvalidation.ts"

/**
 * Options of {@link attach}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<Key> extends PeerInvalidation.Options {
  /** Name of the cache. All nodes use the same one. */
  readonly channel: string
  /** Schema of the keys, which travel as JSON. A key that a node decodes must be equal (`Equal`) to its own. */
  readonly key: Schema.Codec<Key, unknown>
}

/**
 * Invalidation of a cache at all nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerCache<in Key> {
  /**
   * Invalidates a key here, and tells all peers. Call it after the new value is stored. Fails with `EncodeError` if the
   * key does not match its schema; peers then invalidate everything, because the value may have changed.
   */
  readonly invalidate: (key: Key) => Effect.Effect<void, EncodeError>
  /** Invalidates all keys here, and tells all peers. */
  readonly invalidateAll: Effect.Effect<void>
}

/**
 * Attaches a cache to those of the same channel at all peers, until the scope closes.
 *
 * **When to use**
 *
 * Use it for a cache of a store that all nodes share. Attach it before the node starts (`start: "manual"`).
 *
 * **Details**
 *
 * Where a peer's invalidation may be lost, the whole cache is invalidated (`PeerInvalidation.Stale`). The same happens
 * for a key that this node cannot decode. Fails with the `OptionsError` of `PeerInvalidation.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = Effect.fnUntraced(function* <Key, A, E, R>(
  cache: Cache.Cache<Key, A, E, R>,
  { channel, key, ...options }: Options<Key>,
): Effect.fn.Return<PeerCache<Key>, OptionsError, Cluster | Scope.Scope> {
  const codec = Schema.fromJsonString(Schema.toCodecJson(key))
  const decode = Schema.decodeResult(codec)
  const encode = Schema.encodeResult(codec)
  const all = Cache.invalidateAll(cache)
  let hasLogged = false

  const undecoded = (text: string, problem: string): Effect.Effect<void> => {
    if (hasLogged) return all
    hasLogged = true
    return Effect.andThen(
      all,
      Effect.logWarning(
        `the cache "${channel}" cannot decode the key ${text.slice(0, 200)} of a peer, and invalidates everything: ${problem}`,
      ),
    )
  }
  const one = (text: string): Effect.Effect<void> => {
    const decoded = decode(text)
    return Result.isSuccess(decoded)
      ? Cache.invalidate(cache, decoded.success)
      : undecoded(text, decoded.failure.message)
  }
  const peers = yield* PeerInvalidation.make(
    `cache/${channel}`,
    (stale) => (stale._tag === "All" ? all : Effect.forEach(stale.keys, one, { discard: true })),
    options,
  )
  return {
    invalidate: (key) =>
      Effect.suspend(() => {
        const text = encode(key)
        const told = Result.isSuccess(text)
          ? peers.invalidate([text.success])
          : Effect.andThen(
              peers.invalidateAll,
              Effect.fail(new EncodeError({ topic: channel, message: text.failure.message })),
            )
        return Effect.andThen(Cache.invalidate(cache, key), told)
      }),
    invalidateAll: Effect.andThen(all, peers.invalidateAll),
  }
})
