/**
 * Keeps the `Cache`s of several processes from holding what one of them has overwritten. A process that writes a key invalidates it at
 * all peers. Where an invalidation may have been missed, everything is invalidated.
 */
import { Cluster, Topic } from "@coterie/core"
import type { ClusterError, Lane, Peer } from "@coterie/core"
import { Cache, Effect, Fiber, FiberMap, Schema, Stream } from "effect"

/** Invalidation of one key or, without a key, of everything. */
export interface Invalidation<Key> {
  readonly key?: Key
}

/** Makes the topic of the invalidations of a cache. */
export const topic = <Key>(name: string, key: Schema.Codec<Key, unknown>): Topic.Topic<Invalidation<Key>> =>
  Topic.make(name, Schema.Struct({ key: Schema.optionalKey(key) }))

/** An invalidation at this process, and its cause. */
export type Event<Key> =
  | { readonly _tag: "Key"; readonly key: Key; readonly from: Peer.PeerId }
  /** The peer may have written while there was no link to it. */
  | { readonly _tag: "Unheard"; readonly from: Peer.PeerId }
  /** Values of the topic may be missing, because the session with the peer ended. */
  | { readonly _tag: "Gap"; readonly from: Peer.PeerId | undefined }

export interface Options<Key> {
  /** Called after each invalidation that a peer or a gap caused. */
  readonly onInvalidated?: (event: Event<Key>) => Effect.Effect<void>
}

/** A cache that is attached to a topic. */
export interface Attached<Key> {
  /** Invalidates a key here and at all peers. Call it after the key was written. */
  readonly invalidate: (key: Key) => Effect.Effect<void, ClusterError.EncodeError | ClusterError.SendError>
  /** Waits until nothing is heard any more, because the node has left. Do not use what is cached after that. */
  readonly ended: Effect.Effect<void>
}

/**
 * Attaches a cache to a topic until the scope closes. Attach it before the node joins others, so that every peer learns at once what
 * is read here.
 */
export const attach = Effect.fnUntraced(function* <Key, A, E, R>(
  cache: Cache.Cache<Key, A, E, R>,
  topic: Topic.Topic<Invalidation<Key>>,
  { onInvalidated = () => Effect.void }: Options<Key> = {},
) {
  const scope = yield* Effect.scope
  const cluster = yield* Cluster.Cluster
  const opened = yield* Topic.open(topic, { gaps: true })

  const apply = (event: Event<Key>) =>
    Effect.andThen(
      event._tag === "Key" ? Cache.invalidate(cache, event.key) : Cache.invalidateAll(cache),
      onInvalidated(event),
    )
  const reading = yield* opened.messages.pipe(
    Stream.map((item): Event<Key> => {
      const { from } = item
      if (item._tag === "Gap") return { _tag: "Gap", from }
      const { key } = item.value
      return key === undefined ? { _tag: "Unheard", from: item.from } : { _tag: "Key", key, from: item.from }
    }),
    Stream.runForEach(apply),
    Effect.forkIn(scope),
  )

  // Until a peer reads the topic, it hears nothing that is written here. So this node tells each new reader to invalidate
  // everything: what was written unheard was written before that, and what is written later comes after it.
  // One such message waits for a peer at most, so that a peer that reads slowly does not fill the memory.
  const waiting = yield* FiberMap.make<string>()
  const invalidateAll = (peer: string) => FiberMap.run(waiting, peer, Effect.ignore(opened.send(peer, {})))
  const { name } = yield* cluster.self
  yield* opened.readerChanges.pipe(
    Stream.mapAccum(
      (): ReadonlySet<string> => new Set(),
      (known, readers) => [
        new Set(readers.map(openingOf)),
        readers.filter((reader) => reader.name !== name && !known.has(openingOf(reader))),
      ],
    ),
    Stream.runForEach((reader) => invalidateAll(reader.name)),
    Effect.forkIn(scope),
  )

  const invalidate = Effect.fnUntraced(function* (key: Key) {
    yield* Cache.invalidate(cache, key)
    const { failed } = yield* opened.publish({ key })
    // A peer that was skipped as slow stays in its session, so it must hear this: `send` waits as long as it takes. A peer without a
    // link is told to invalidate everything when it reads the topic again.
    yield* Effect.forEach(failed, ({ peer }) => invalidateAll(peer), { discard: true })
  })
  return { invalidate, ended: Fiber.join(reading) } satisfies Attached<Key>
})

/** Returns a text that no other opening of the lane has. */
const openingOf = ({ name, opening }: Lane.ReadingPeer): string => `${opening} ${name}`
