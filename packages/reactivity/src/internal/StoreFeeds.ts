/**
 * The feeds of all stores that have a reader at this node, and the channel on which the nodes tell each other which stores
 * have new items. A key of the channel is a store. The channel has the rules for everything that may be lost.
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as PeerInvalidation from "../PeerInvalidation.ts"
import { FeedParts } from "./feedParts.ts"
import * as StoreFeed from "./StoreFeed.ts"

/** Names that identify a store. */
export type StoreKey = ReadonlyArray<string>

export interface Options<A, K extends StoreKey> extends Omit<StoreFeed.Options, "parts"> {
  /** Name of the channel. */
  readonly channel: string
  readonly invalidation: PeerInvalidation.Options
  readonly sourceOf: (key: K) => StoreFeed.Source<A>
}

export interface StoreFeeds<A, K extends StoreKey> {
  /** Streams the items of a store from a sequence on. `compact` is applied to those that are in the storage already. */
  readonly changes: (key: K, startSequence: number, compact?: StoreFeed.Compact<A>) => Stream.Stream<A>
  /**
   * Tells all peers that a store may have new items. With `here`, the readers of this node as well, which otherwise get the
   * items of this instance from the storage. Never waits.
   */
  readonly written: (key: K, options: { readonly here: boolean }) => void
}

/** Text of a store that is the same at all nodes. */
const textOf = (key: StoreKey): string => JSON.stringify(key)

/** Makes the feeds, until the scope closes. */
export const make = Effect.fnUntraced(function* <A, K extends StoreKey>({
  channel,
  invalidation,
  sourceOf,
  ...bounds
}: Options<A, K>): Effect.fn.Return<StoreFeeds<A, K>, OptionsError, Cluster | Scope.Scope> {
  const parts = yield* FeedParts
  const options: StoreFeed.Options = { ...bounds, parts }
  /** Feeds that have a reader, by the text of their store. */
  const current = new Map<string, StoreFeed.StoreFeed<A>>()
  const open = Effect.fnUntraced(function* (key: K) {
    const text = textOf(key)
    const feed = yield* StoreFeed.make(sourceOf(key), options)
    yield* Effect.acquireRelease(
      Effect.sync(() => current.set(text, feed)),
      () => Effect.sync(() => void (current.get(text) === feed && current.delete(text))),
    )
    yield* Effect.forkScoped(feed.run)
    return feed
  })
  // A feed that ends or fails ends the streams of its readers, and is forgotten with the last of them.
  const feeds = yield* RcMap.make({ lookup: open })
  const peers = yield* PeerInvalidation.make(
    channel,
    (stale) => Effect.sync(() => parts.refresh(current, stale)),
    invalidation,
  )
  return {
    changes: (key, startSequence, compact = Effect.succeed) =>
      Stream.unwrap(Effect.map(RcMap.get(feeds, key), (feed) => feed.changes(startSequence, compact))),
    written: (key, { here }) => {
      const text = textOf(key)
      peers.invalidateUnsafe([text])
      if (here) current.get(text)?.refresh()
    },
  }
})
