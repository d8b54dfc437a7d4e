/**
 * Storage of an unencrypted `EventLog` server which several instances share, like a database: a write of one instance reaches
 * the streams of that instance only, and the others find it when they read. Its operations take time.
 */
import * as Effect from "effect/Effect"
import { Entry, EntryId, makeRemoteIdUnsafe, RemoteEntry } from "effect/eventlog/EventJournal"
import { StoreId } from "effect/eventlog/EventLogMessage"
import type { Storage } from "effect/eventlog/EventLogServerUnencrypted"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/** Read of a store by an instance. */
export interface Read {
  readonly by: string
  readonly storeId: string
  readonly startSequence: number
}

export interface Options {
  /** Time that passes before and after each step of the storage. Defaults to none. */
  readonly delay?: Effect.Effect<void>
}

/** Data that survives its instances. */
export class SharedJournal {
  readonly reads: Array<Read> = []
  /** Defect of every read, if any. */
  failure: unknown
  private readonly stores = new Map<string, Array<RemoteEntry>>()
  private readonly remoteId = makeRemoteIdUnsafe()
  private readonly delay: Effect.Effect<void>
  private ids = 0

  constructor({ delay = Effect.void }: Options = {}) {
    this.delay = delay
  }

  /** Sequences of the entries of a store. */
  sequences(storeId: string): ReadonlyArray<number> {
    return this.store(storeId).map(({ remoteSequence }) => remoteSequence)
  }

  /** Makes an entry with an event and a key, with a newer id than the entries before. */
  entry(event = "written", primaryKey = "key"): Entry {
    const id = new Uint8Array(16)
    new DataView(id.buffer).setUint32(0, ++this.ids)
    return new Entry({ id: EntryId.make(id), event, primaryKey, payload: new Uint8Array() })
  }

  /** Opens the storage of an instance, until the scope closes. */
  readonly open = Effect.fnUntraced({ self: this }, function* (this: SharedJournal, by: string) {
    const live = yield* Effect.acquireRelease(
      PubSub.unbounded<{ readonly storeId: string; readonly entry: RemoteEntry }>(),
      PubSub.shutdown,
    )
    const { delay } = this
    const write = Effect.fnUntraced(
      { self: this },
      function* (this: SharedJournal, storeId: string, entries: ReadonlyArray<Entry>) {
        yield* delay
        // The sequences are given in the moment of the commit, so they are in its order.
        const committed = this.store(storeId)
        const next = committed.length + 1
        const stored = entries.map((entry, i) => new RemoteEntry({ remoteSequence: next + i, entry }))
        committed.push(...stored)
        // Two writes may be published in another order than they are committed.
        yield* delay
        yield* PubSub.publishAll(
          live,
          stored.map((entry) => ({ storeId, entry })),
        )
        return stored
      },
    )
    const read = Effect.fnUntraced(
      { self: this },
      function* (this: SharedJournal, storeId: string, startSequence: number) {
        this.reads.push({ by, storeId, startSequence })
        yield* delay
        if (this.failure !== undefined) return yield* Effect.die(this.failure)
        const found = this.store(storeId).filter(({ remoteSequence }) => remoteSequence >= startSequence)
        yield* delay
        return found
      },
    )
    const storage: Storage["Service"] = {
      getId: Effect.succeed(this.remoteId),
      firstSequence: 1,
      getOrCreateSessionAuthBinding: (_, signingPublicKey) => Effect.succeed(signingPublicKey),
      entriesAfter: (storeId) => Effect.map(read(storeId, 1), (entries) => [...entries]),
      write: (storeId, entries) => Effect.uninterruptible(write(storeId, entries)),
      changes: ({ startSequence, storeId }) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const subscription = yield* PubSub.subscribe(live)
            const backlog = yield* read(storeId, startSequence)
            return Stream.concat(
              Stream.fromArray(backlog),
              Stream.fromSubscription(subscription).pipe(
                Stream.filter((item) => item.storeId === storeId),
                Stream.map(({ entry }) => entry),
              ),
            )
          }),
        ),
      withTransaction: (effect) => effect,
    }
    return storage
  })

  private store(storeId: string): Array<RemoteEntry> {
    const known = this.stores.get(storeId) ?? []
    this.stores.set(storeId, known)
    return known
  }
}

/** Makes the id of a store. */
export const storeIdOf = (text: string): StoreId => StoreId.make(text)
