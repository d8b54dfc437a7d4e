/**
 * The parts of a feed that keep it complete. Every feed has {@link defaults}. Tests replace these parts to plant bugs. Only
 * `StoreFeeds` reads this reference.
 */
import * as Context from "effect/Context"
import type { Stale } from "../PeerInvalidation.ts"
import { FeedPosition, type FeedPositionOptions, ReaderPosition, type ReaderPositionOptions } from "./FeedPosition.ts"

/** Something that reads its store again. */
interface Refreshed {
  readonly refresh: () => void
}

export interface FeedParts {
  readonly makeFeedPosition: <A>(options: FeedPositionOptions<A>) => FeedPosition<A>
  readonly makeReaderPosition: <A>(options: ReaderPositionOptions<A>) => ReaderPosition<A>
  /** Refreshes the feeds of the stores that peers have written, by the texts of the stores. */
  readonly refresh: (feeds: ReadonlyMap<string, Refreshed>, stale: Stale) => void
}

export const defaults: FeedParts = {
  makeFeedPosition: (options) => new FeedPosition(options),
  makeReaderPosition: (options) => new ReaderPosition(options),
  refresh: (feeds, stale) => {
    if (stale._tag === "All") for (const feed of feeds.values()) feed.refresh()
    else for (const text of stale.keys) feeds.get(text)?.refresh()
  },
}

/** The parts in use. Defaults to {@link defaults}. */
export const FeedParts = Context.Reference<FeedParts>("@coterie/reactivity/internal/FeedParts", {
  defaultValue: () => defaults,
})
