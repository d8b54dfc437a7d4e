/**
 * Storages for several instances of Effect's `EventLog` server that share one database: a client of one instance gets at
 * once what a client of another instance wrote.
 *
 * ```ts
 * import { PeerEventLogStorage } from "@coterie/reactivity"
 * import { Layer } from "effect"
 * import { SqlEventLogServerUnencrypted } from "effect/eventlog"
 *
 * // In the place of `SqlEventLogServerUnencrypted.layerStorage()`. It needs the `Cluster` and the `SqlClient`.
 * export const Storage = PeerEventLogStorage.layerUnencrypted().pipe(
 *   Layer.provide(SqlEventLogServerUnencrypted.layerStorage()),
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Entry, EntryId, type RemoteEntry } from "effect/eventlog/EventJournal"
import type { EncryptedRemoteBatch } from "effect/eventlog/EventLogEncryption"
import * as EventLogServerEncrypted from "effect/eventlog/EventLogServerEncrypted"
import * as EventLogServerUnencrypted from "effect/eventlog/EventLogServerUnencrypted"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { Span } from "./internal/FeedPosition.ts"
import * as StoreFeeds from "./internal/StoreFeeds.ts"
import type * as PeerInvalidation from "./PeerInvalidation.ts"

/**
 * Options of {@link layerUnencrypted} and {@link layerEncrypted}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends PeerInvalidation.Options {
  /** Name of the channel. Instances that share a storage have the same one. Defaults to `default`. */
  readonly channel?: string | undefined
  /**
   * Minimum time between two reads of a store that peers cause. Writes of the meantime are found by one read. The first
   * read after a pause runs at once. Defaults to 100 milliseconds, so that a busy store is read ten times a second.
   */
  readonly readInterval?: Duration.Input | undefined
  /**
   * Number of writes and reads of a store whose entries wait in the memory for its slowest client. A client that is further
   * behind reads the storage by itself. Defaults to 64, some seconds of a busy store.
   */
  readonly capacity?: number | undefined
}

/**
 * Options of {@link makeUnencrypted} and {@link makeEncrypted}.
 *
 * @category options
 * @since 0.1.0
 */
export interface MakeOptions extends Options {
  /**
   * Runs an effect when the transaction of a write is committed, such as `SqlClient.afterCommit`. Peers are told of a write
   * then. By default the effect runs when `write` returns, for a storage whose writes can be read then.
   */
  readonly afterCommit?: (<R>(effect: Effect.Effect<void, never, R>) => Effect.Effect<void, never, R>) | undefined
}

/** Default of {@link Options.channel}. */
const defaultChannel = "default"
/** Default of {@link Options.readInterval}. */
const defaultReadInterval: Duration.Input = "100 millis"
/** Default of {@link Options.capacity}. */
const defaultCapacity = 64

/**
 * Wraps the storage of an unencrypted server, until the scope closes.
 *
 * **When to use**
 *
 * Use it for a storage that is not one of Effect's. Use {@link layerUnencrypted} for `SqlEventLogServerUnencrypted`.
 *
 * **Details**
 *
 * A client gets each entry once and in the order of the sequence. `changes` fails as that of the storage does. Fails with
 * `OptionsError` if `readInterval` or `capacity` is invalid, and as `PeerInvalidation.make` does.
 *
 * The storage must return the entries that it has as the first array of the stream of `changes`, and its sequences must
 * grow in the order of the commits. Effect's storages do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeUnencrypted = Effect.fnUntraced(function* (
  storage: EventLogServerUnencrypted.Storage["Service"],
  { afterCommit = runNow, ...options }: MakeOptions = {},
): Effect.fn.Return<EventLogServerUnencrypted.Storage["Service"], OptionsError, Cluster | Scope.Scope> {
  type Changes = Parameters<EventLogServerUnencrypted.Storage["Service"]["changes"]>[0]
  const firstSequence = storage.firstSequence ?? 0
  const feeds = yield* makeFeeds<RemoteEntry, readonly [Changes["storeId"]]>("unencrypted", options, ([storeId]) => ({
    changes: (startSequence) => storage.changes({ storeId, startSequence, compactors: noCompactors }),
    firstSequence,
    spanOf: spanOfEntry,
  }))

  const changes = ({ compactors, startSequence, storeId }: Changes): Stream.Stream<RemoteEntry> => {
    const compact = (remoteEntries: ReadonlyArray<RemoteEntry>) =>
      EventLogServerUnencrypted.compactBacklog({ remoteEntries, compactors })
    if (compactors.size === 0 || startSequence > firstSequence) return feeds.changes([storeId], startSequence, compact)
    // A new client gets everything. Nothing shows that a read of `changes` from the first sequence on has no backlog, and
    // entries that are written later must not be compacted, because the client may have written them.
    return Stream.unwrap(
      Effect.gen(function* () {
        const all = yield* storage.entriesAfter(storeId, oldest)
        const next = Math.max(firstSequence, (all.at(-1)?.remoteSequence ?? -1) + 1)
        return Stream.concat(Stream.fromArray(yield* compact(all)), feeds.changes([storeId], next))
      }),
    )
  }

  return {
    ...storage,
    changes,
    write: (storeId, entries) => tellPeers(storage.write(storeId, entries), afterCommit, feeds, [storeId]),
  }
})

/**
 * Wraps the storage of an encrypted server, until the scope closes.
 *
 * **When to use**
 *
 * Use it for a storage that is not one of Effect's. Use {@link layerEncrypted} for `SqlEventLogServerEncrypted`.
 *
 * **Details**
 *
 * Is like {@link makeUnencrypted}, for each public key and store. A rollback of a compaction reaches the clients of all
 * instances.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeEncrypted = Effect.fnUntraced(function* (
  storage: EventLogServerEncrypted.Storage["Service"],
  { afterCommit = runNow, ...options }: MakeOptions = {},
): Effect.fn.Return<EventLogServerEncrypted.Storage["Service"], OptionsError, Cluster | Scope.Scope> {
  type Store = readonly [publicKey: string, storeId: Parameters<typeof storage.changes>[1]]
  const feeds = yield* makeFeeds<EncryptedRemoteBatch, Store>("encrypted", options, ([publicKey, storeId]) => ({
    changes: (startSequence) => storage.changes(publicKey, storeId, startSequence),
    firstSequence: storage.firstSequence ?? 0,
    spanOf: spanOfBatch,
  }))
  const { compaction } = storage
  return {
    ...storage,
    changes: (publicKey, storeId, startSequence) => feeds.changes([publicKey, storeId], startSequence),
    write: (publicKey, storeId, batches) =>
      tellPeers(storage.write(publicKey, storeId, batches), afterCommit, feeds, [publicKey, storeId]),
    compaction: compaction && {
      ...compaction,
      rollback: (publicKey, storeId, activationId) =>
        tellPeers(compaction.rollback(publicKey, storeId, activationId), afterCommit, feeds, [publicKey, storeId]),
    },
  }
})

/**
 * Provides the storage of an unencrypted server to several instances that share a database. Takes the place of
 * `SqlEventLogServerUnencrypted.layerStorage`, and is built on it.
 *
 * **Details**
 *
 * - Build it before the node starts (`start: "manual"`), with the same `SqlClient` as the storage, so that peers are told of a
 *   write after the commit of the outermost transaction, and of nothing after a rollback.
 * - A write costs one message to each peer that reads the channel, and one read of the store at each instance that has a
 *   client of it. A message about another store costs one lookup.
 * - Where a message of a peer may be lost, each store that has a client here is read once (`PeerInvalidation.Stale`).
 *
 * @see {@link makeUnencrypted} for the errors
 * @category layers
 * @since 0.1.0
 */
export const layerUnencrypted = (
  options?: Options,
): Layer.Layer<
  EventLogServerUnencrypted.Storage,
  OptionsError,
  EventLogServerUnencrypted.Storage | SqlClient | Cluster
> =>
  Layer.effect(EventLogServerUnencrypted.Storage)(
    Effect.gen(function* () {
      const { afterCommit } = yield* SqlClient
      return yield* makeUnencrypted(yield* EventLogServerUnencrypted.Storage, { ...options, afterCommit })
    }),
  )

/**
 * Provides the storage of an encrypted server to several instances that share a database. Takes the place of
 * `SqlEventLogServerEncrypted.layerStorage`, and is built on it.
 *
 * **Details**
 *
 * Is like {@link layerUnencrypted}, for each public key and store.
 *
 * @see {@link makeEncrypted} for the errors
 * @category layers
 * @since 0.1.0
 */
export const layerEncrypted = (
  options?: Options,
): Layer.Layer<EventLogServerEncrypted.Storage, OptionsError, EventLogServerEncrypted.Storage | SqlClient | Cluster> =>
  Layer.effect(EventLogServerEncrypted.Storage)(
    Effect.gen(function* () {
      const { afterCommit } = yield* SqlClient
      return yield* makeEncrypted(yield* EventLogServerEncrypted.Storage, { ...options, afterCommit })
    }),
  )

const runNow = <R>(effect: Effect.Effect<void, never, R>) => effect

const noCompactors: Parameters<EventLogServerUnencrypted.Storage["Service"]["changes"]>[0]["compactors"] = new Map()

/** Entry that is older than all others, because ids are in the order of time. */
const oldest = new Entry(
  { id: EntryId.make(new Uint8Array(16)), event: "", primaryKey: "", payload: new Uint8Array() },
  { disableChecks: true },
)

const spanOfEntry = ({ remoteSequence }: RemoteEntry): Span => ({ first: remoteSequence, last: remoteSequence })

const spanOfBatch = ({ entryIds, sequence }: EncryptedRemoteBatch): Span => ({
  first: sequence,
  last: sequence + entryIds.length - 1,
})

const makeFeeds = Effect.fnUntraced(function* <A, K extends StoreFeeds.StoreKey>(
  kind: string,
  {
    capacity = defaultCapacity,
    channel = defaultChannel,
    readInterval = defaultReadInterval,
    ...invalidation
  }: Options,
  sourceOf: StoreFeeds.Options<A, K>["sourceOf"],
) {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    return yield* new OptionsError({ option: "capacity", problem: "it must be a whole number of at least 1" })
  }
  const interval = Duration.toMillis(Duration.fromInputUnsafe(readInterval))
  if (!Number.isFinite(interval) || interval < 1) {
    return yield* new OptionsError({
      option: "readInterval",
      problem: "it must be a finite time of at least 1 millisecond",
    })
  }
  return yield* StoreFeeds.make<A, K>({
    channel: `eventlog/${kind}/${channel}`,
    invalidation,
    readInterval: interval,
    capacity,
    sourceOf,
  })
})

/**
 * Tells all peers of a write. A write that stored nothing may repeat one that was stored although it failed, so the clients
 * of this instance are told as well. An interrupted write may have been stored.
 */
const tellPeers = <B, E, R, A, K extends StoreFeeds.StoreKey>(
  write: Effect.Effect<B, E, R>,
  afterCommit: NonNullable<MakeOptions["afterCommit"]>,
  feeds: StoreFeeds.StoreFeeds<A, K>,
  key: K,
): Effect.Effect<B, E, R> =>
  Effect.onExit(write, (exit) => {
    if (Exit.isFailure(exit) && !Cause.hasInterrupts(exit.cause)) return Effect.void
    const here = Exit.isFailure(exit) || !Array.isArray(exit.value) || exit.value.length === 0
    return afterCommit(Effect.sync(() => feeds.written(key, { here })))
  })
