/** Effect's own storages of the `EventLog` server over one SQLite database, which two instances share. */
import * as PeerEventLogStorage from "@coterie/reactivity/PeerEventLogStorage"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Entry, type EntryId, makeEntryIdUnsafe } from "effect/eventlog/EventJournal"
import * as EventLogServerEncrypted from "effect/eventlog/EventLogServerEncrypted"
import * as EventLogServerUnencrypted from "effect/eventlog/EventLogServerUnencrypted"
import * as SqlEventLogServerEncrypted from "effect/eventlog/SqlEventLogServerEncrypted"
import * as SqlEventLogServerUnencrypted from "effect/eventlog/SqlEventLogServerUnencrypted"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { DatabaseSync } from "node:sqlite"
import { storeIdOf } from "./SharedJournal.ts"
import * as Sqlite from "./sqlite.ts"
import { settle, start, test } from "./support.ts"

const notes = storeIdOf("notes")

const sqlLayer = (database: DatabaseSync) =>
  Layer.effect(SqlClient.SqlClient)(Sqlite.client(database)).pipe(Layer.provide(Reactivity.layer))

/** Records what a stream returns. */
const record = Effect.fnUntraced(function* <A>(stream: Stream.Stream<A>) {
  const got: Array<A> = []
  yield* Effect.forkScoped(Stream.runForEach(stream, (item) => Effect.sync(() => void got.push(item))))
  return got
})

const startUnencrypted = (network: SimNetwork.Shape, name: string, database: DatabaseSync) =>
  start(
    network,
    name,
    PeerEventLogStorage.layerUnencrypted().pipe(
      Layer.provide(SqlEventLogServerUnencrypted.layerStorage()),
      Layer.provideMerge(sqlLayer(database)),
    ),
  )

const startEncrypted = (network: SimNetwork.Shape, name: string, database: DatabaseSync) =>
  start(
    network,
    name,
    PeerEventLogStorage.layerEncrypted().pipe(
      Layer.provide(SqlEventLogServerEncrypted.layerStorage()),
      Layer.provide(NodeCrypto.layerDigest),
      Layer.provideMerge(sqlLayer(database)),
    ),
  )

const entry = () =>
  new Entry({ id: makeEntryIdUnsafe(), event: "written", primaryKey: "key", payload: new Uint8Array([1]) })

const batch = (entryIds: readonly [EntryId, ...ReadonlyArray<EntryId>]) => ({
  iv: new Uint8Array(12),
  entryIds,
  encryptedBatch: new Uint8Array([1, 2, 3]),
})

describe("Effect's storages of EventLog servers", () => {
  test("tell peers of a write after the commit of the outermost transaction, and of nothing after a rollback", (network) =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open
      const a = yield* startUnencrypted(network, "a", database)
      const b = yield* startUnencrypted(network, "b", database)
      yield* b.linked(1)
      yield* settle
      const storageOf = (node: typeof a) => node.run(EventLogServerUnencrypted.Storage)
      const [atA, atB] = [yield* storageOf(a), yield* storageOf(b)]
      const got = yield* record(atB.changes({ storeId: notes, startSequence: 0, compactors: new Map() }))
      const sequences = () => got.map(({ remoteSequence }) => remoteSequence)
      yield* settle
      const sql = yield* a.run(SqlClient.SqlClient)

      // The instances have one connection, so a read before the commit would return the entry.
      const nothingYet = Effect.andThen(
        settle,
        Effect.sync(() => assert.deepStrictEqual(sequences(), [])),
      )
      yield* sql.withTransaction(
        atA.withTransaction(Effect.andThen(atA.write(notes, [entry()]), nothingYet)).pipe(Effect.andThen(nothingYet)),
      )
      yield* settle
      assert.deepStrictEqual(sequences(), [1])

      yield* atA.withTransaction(atA.write(notes, [entry(), entry()]))
      yield* settle
      assert.deepStrictEqual(sequences(), [1, 2, 3])

      const rolledBack = Effect.andThen(atA.write(notes, [entry()]), Effect.fail("no"))
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(rolledBack)), "no")
      yield* settle
      yield* atB.write(notes, [entry()])
      yield* settle
      assert.deepStrictEqual(sequences(), [1, 2, 3, 4])
    }))

  test("stream encrypted batches of all instances, and those of a compaction that is rolled back", (network) =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open
      const a = yield* startEncrypted(network, "a", database)
      const b = yield* startEncrypted(network, "b", database)
      yield* b.linked(1)
      yield* settle
      const storageOf = (node: typeof a) => node.run(EventLogServerEncrypted.Storage)
      const [atA, atB] = [yield* storageOf(a), yield* storageOf(b)]
      const got = yield* record(atB.changes("ann", notes, 0))
      const spans = () => got.map(({ entryIds, sequence }) => [sequence, entryIds.length])
      const others = yield* record(atB.changes("bob", notes, 0))
      yield* settle
      const [first, second, third] = [makeEntryIdUnsafe(), makeEntryIdUnsafe(), makeEntryIdUnsafe()]
      yield* atA.write("ann", notes, [batch([first, second]), batch([third])])
      yield* atB.write("ann", notes, [batch([makeEntryIdUnsafe(), makeEntryIdUnsafe()])])
      yield* settle
      assert.deepStrictEqual(spans(), [
        [1, 2],
        [3, 1],
        [4, 2],
      ])

      const { compaction } = atA
      if (compaction === undefined) return assert.fail("the storage has no compaction")
      const begun = yield* compaction.begin("ann", notes, { through: 3 })
      if (begun._tag === "Busy") return assert.fail("the compaction is busy")
      yield* Effect.orDie(compaction.stagePart("ann", notes, begun.stageId, 0, [batch([third])]))
      yield* Effect.orDie(compaction.commit("ann", notes, begun.stageId, [3]))
      const active = (yield* compaction.history("ann", notes)).find((activation) => activation.active)
      const compacted = yield* record(atB.changes("ann", notes, 0))
      yield* settle
      assert.deepStrictEqual(
        compacted.map(({ entryIds, sequence }) => [sequence, entryIds.length]),
        [
          [3, 1],
          [4, 2],
        ],
      )

      got.length = 0
      yield* Effect.orDie(compaction.rollback("ann", notes, active?.activationId ?? ""))
      yield* settle
      assert.deepStrictEqual(spans(), [
        [6, 2],
        [8, 1],
      ])
      assert.deepStrictEqual(others, [])
    }))
})
