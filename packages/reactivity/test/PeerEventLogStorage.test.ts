import { OptionsError } from "@coterie/core/ClusterError"
import * as PeerEventLogStorage from "@coterie/reactivity/PeerEventLogStorage"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RemoteEntry } from "effect/eventlog/EventJournal"
import * as EventLogServerUnencrypted from "effect/eventlog/EventLogServerUnencrypted"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { SharedJournal, storeIdOf } from "./SharedJournal.ts"
import * as Support from "./support.ts"

const { settle, test } = Support

const notes = storeIdOf("notes")

type Changes = Parameters<EventLogServerUnencrypted.Storage["Service"]["changes"]>[0]

/** Starts an instance of a server. */
const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  name: string,
  journal: SharedJournal,
  options?: PeerEventLogStorage.MakeOptions,
) {
  const layer = Layer.effect(EventLogServerUnencrypted.Storage)(
    Effect.flatMap(journal.open(name), (storage) => PeerEventLogStorage.makeUnencrypted(storage, options)),
  )
  const node = yield* Support.start(network, name, layer)
  const storage = yield* node.run(EventLogServerUnencrypted.Storage)
  /** Runs the stream of a client. `got` has its sequences. */
  const connect = Effect.fnUntraced(function* ({
    handle = () => Effect.void,
    ...changes
  }: Partial<Changes> & { readonly handle?: (entry: RemoteEntry) => Effect.Effect<void> } = {}) {
    const got: Array<number> = []
    const events: Array<string> = []
    const fiber = yield* storage.changes({ storeId: notes, startSequence: 0, compactors: new Map(), ...changes }).pipe(
      Stream.runForEach((entry) => {
        got.push(entry.remoteSequence)
        events.push(entry.entry.event)
        return handle(entry)
      }),
      Effect.forkScoped,
    )
    return { got, events, fiber }
  })
  const write = (count = 1, storeId = notes) =>
    storage.write(
      storeId,
      Array.from({ length: count }, () => journal.entry()),
    )
  const reads = () => journal.reads.filter(({ by }) => by === name).length
  return { ...node, storage, connect, write, reads }
})

/** Starts the instances a and b, which have a link. */
const startTwo = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  journal: SharedJournal,
  options?: PeerEventLogStorage.MakeOptions,
) {
  const a = yield* start(network, "a", journal, options)
  const b = yield* start(network, "b", journal, options)
  yield* b.linked(1)
  yield* settle
  return { a, b }
})

describe("PeerEventLogStorage", () => {
  test("a client gets what another instance wrote, once and in order, with what its own instance wrote", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal({ delay: Effect.sleep("2 millis") })
      const { a, b } = yield* startTwo(network, journal)
      yield* a.write(2)
      const client = yield* b.connect()
      const later = yield* b.connect({ startSequence: 2 })
      yield* settle
      assert.deepStrictEqual(client.got, [1, 2])
      for (let i = 0; i < 10; i++) {
        yield* Effect.all([a.write(), b.write(), b.write(2)], { concurrency: "unbounded" })
        yield* Effect.sleep(`${i * 20} millis`)
      }
      yield* settle
      assert.deepStrictEqual(client.got, journal.sequences("notes"))
      assert.deepStrictEqual(later.got, journal.sequences("notes").slice(1))
    }))

  test("a client gets an entry of another instance half a round trip after the write, without another read", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      const client = yield* b.connect()
      yield* settle
      const before = b.reads()
      yield* a.write()
      yield* Effect.sleep("6 millis")
      assert.deepStrictEqual(client.got, [1])
      yield* settle
      assert.strictEqual(b.reads(), before + 1)
    }))

  test("a client gets what was written while there was no link, when the link is back", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      const client = yield* b.connect()
      yield* a.write()
      yield* settle
      yield* network.partition(["a"], ["b"])
      yield* b.linked(0)
      yield* a.write(3)
      yield* b.write()
      yield* settle
      // The entry of this instance shows that earlier ones are missing.
      assert.deepStrictEqual(client.got, [1, 2, 3, 4, 5])
      yield* a.write(2)
      yield* settle
      assert.deepStrictEqual(client.got, [1, 2, 3, 4, 5])
      yield* network.heal
      yield* b.linked(1)
      yield* settle
      assert.deepStrictEqual(client.got, [1, 2, 3, 4, 5, 6, 7])
    }))

  test("a client that connects again gets what peers could not tell its instance", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      yield* b.connect()
      yield* a.write()
      yield* settle
      yield* network.partition(["a"], ["b"])
      yield* b.linked(0)
      yield* a.write()
      const again = yield* b.connect({ startSequence: 2 })
      // Soon b takes a for failed, and then reads all stores.
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(again.got, [2])
    }))

  test("a client gets the last write of an instance that failed before it told its peers", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal, { afterCommit: () => Effect.void })
      const client = yield* b.connect()
      yield* settle
      yield* a.write()
      yield* settle
      assert.deepStrictEqual(client.got, [])
      yield* network.partition(["a"], ["b"])
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(client.got, [1])
    }))

  test("a write that stored nothing is told as well, because an earlier try may have stored it", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      const [here, there] = [yield* a.connect(), yield* b.connect()]
      yield* settle
      const lost = yield* journal.open("a lost try")
      yield* lost.write(notes, [journal.entry()])
      yield* a.write(0)
      yield* settle
      assert.deepStrictEqual([here.got, there.got], [[1], [1]])
    }))

  test("a write that is interrupted after its commit is told", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal({ delay: Effect.sleep("20 millis") })
      const { a, b } = yield* startTwo(network, journal)
      const client = yield* b.connect()
      yield* settle
      const write = yield* Effect.forkScoped(a.write())
      yield* Effect.sleep("30 millis")
      assert.deepStrictEqual(journal.sequences("notes"), [1])
      yield* Fiber.interrupt(write)
      yield* settle
      assert.deepStrictEqual(client.got, [1])
    }))

  test("a write to a store without a client here costs no read", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      yield* b.connect()
      yield* settle
      const before = b.reads()
      for (let i = 0; i < 100; i++) yield* a.write(1, storeIdOf(`other ${i}`))
      yield* settle
      assert.strictEqual(b.reads(), before)
    }))

  test("the clients of a store cost one read together, and a busy store one read in an interval", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal, { readInterval: "200 millis" })
      const clients = yield* Effect.forEach(Array.from({ length: 50 }), () => b.connect())
      yield* settle
      const before = b.reads()
      for (let i = 0; i < 100; i++) {
        yield* a.write()
        yield* Effect.sleep("10 millis")
      }
      yield* settle
      assert.isAtMost(b.reads() - before, 7)
      for (const { got } of clients) assert.deepStrictEqual(got, journal.sequences("notes"))
    }))

  test("a peer that babbles costs one read of a store in an interval, and entries arrive in the meantime", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { b } = yield* startTwo(network, journal, { readInterval: "200 millis" })
      const c = yield* Support.start(network, "c", Layer.empty)
      const client = yield* b.connect()
      yield* b.linked(2)
      yield* b.write()
      yield* settle
      const lane = yield* c.cluster.lane("invalidation/eventlog/unencrypted/default", { format: "json" })
      const before = b.reads()
      const text = JSON.stringify({ keys: [JSON.stringify(["notes"]), JSON.stringify(["unknown"])] })
      for (let i = 0; i < 1_000; i++) {
        yield* Effect.orDie(lane.send("b", text))
        yield* Effect.sleep("2 millis")
      }
      yield* b.write()
      assert.isAtMost(b.reads() - before, 11)
      yield* settle
      assert.deepStrictEqual(client.got, [1, 2])
    }))

  test("a storage that is slower than the interval is read again after it has answered", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal({ delay: Effect.sleep("400 millis") })
      const { a, b } = yield* startTwo(network, journal, { readInterval: "10 millis" })
      yield* a.write()
      const client = yield* b.connect()
      yield* settle
      // Several writes arrive while the storage is read.
      for (let i = 0; i < 100; i++) {
        yield* Effect.forkScoped(a.write())
        yield* Effect.sleep("100 millis")
      }
      assert.isAbove(client.got.length, 50)
      assert.deepStrictEqual(client.got, journal.sequences("notes").slice(0, client.got.length))
    }))

  test("a slow storage is read for the first client of an instance, although others write to the store all the time", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal({ delay: Effect.sleep("1 second") })
      const { a, b } = yield* startTwo(network, journal, { readInterval: "10 millis" })
      const talk = Effect.forever(Effect.andThen(Effect.forkScoped(a.write()), Effect.sleep("100 millis")))
      yield* Effect.forkScoped(talk)
      yield* Effect.sleep("5 seconds")
      const client = yield* b.connect()
      yield* Effect.sleep("15 seconds")
      assert.isAbove(client.got.length, 50)
    }))

  test("a slow client reads what it has lost by itself, and delays no other client", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const latch = yield* Latch.make(false)
      const { a, b } = yield* startTwo(network, journal, { capacity: 4 })
      const slow = yield* b.connect({ handle: () => latch.await })
      const quick = yield* b.connect()
      yield* settle
      for (let i = 0; i < 50; i++) {
        yield* i % 2 === 0 ? a.write() : b.write()
        yield* Effect.sleep("200 millis")
      }
      yield* settle
      assert.deepStrictEqual(quick.got, journal.sequences("notes"))
      assert.isAtMost(slow.got.length, 1)
      const before = b.reads()
      yield* latch.open
      yield* settle
      assert.deepStrictEqual(slow.got, journal.sequences("notes"))
      assert.isAtMost(b.reads() - before, 1)
    }))

  test("a storage that fails ends the streams of its clients with its defect, and a new client is served", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      const first = yield* b.connect()
      const second = yield* b.connect()
      // It does not notice the end, because it handles an entry.
      yield* b.connect({ handle: () => Effect.never })
      yield* a.write()
      yield* settle
      journal.failure = "the database is gone"
      yield* a.write()
      for (const { fiber } of [first, second]) {
        assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.die("the database is gone"))
      }
      journal.failure = undefined
      const third = yield* b.connect()
      yield* settle
      assert.deepStrictEqual(third.got, [1, 2])
    }))

  test("an instance without clients holds no stream of the storage open", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      const client = yield* b.connect()
      yield* settle
      yield* Fiber.interrupt(client.fiber)
      const before = b.reads()
      yield* a.write()
      yield* settle
      assert.strictEqual(b.reads(), before)
      const again = yield* b.connect()
      yield* settle
      assert.deepStrictEqual(again.got, [1])
    }))

  test("the entries of the storage are compacted for a new client and for one that returns, and later ones are not", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      const { a, b } = yield* startTwo(network, journal)
      const compactors: Changes["compactors"] = new Map([
        [
          "written",
          {
            events: new Set(["written"]),
            effect: ({ entries, write }) =>
              Effect.forEach(entries.slice(-1), (entry) => write(entry), { discard: true }),
          },
        ],
      ])
      yield* a.write(4)
      const returning = yield* b.connect({ compactors, startSequence: 2 })
      yield* settle
      const newcomer = yield* b.connect({ compactors })
      const firstOfInstance = yield* a.connect({ compactors })
      yield* settle
      assert.deepStrictEqual([returning.got, newcomer.got, firstOfInstance.got], [[4], [4], [4]])
      const behind = yield* b.connect({ compactors, startSequence: 3 })
      yield* settle
      yield* a.write(2)
      yield* b.write(2)
      yield* settle
      assert.deepStrictEqual(returning.got, [4, 5, 6, 7, 8])
      assert.deepStrictEqual(newcomer.got, [4, 5, 6, 7, 8])
      assert.deepStrictEqual(behind.got, [4, 5, 6, 7, 8])
    }))

  test("wrong options are errors that name the option", (network) =>
    Effect.gen(function* () {
      const journal = new SharedJournal()
      for (const [option, value] of [
        ["capacity", 0],
        ["readInterval", 0],
        ["allInterval", 0],
      ] as const) {
        const error = yield* Effect.flip(start(network, "a", journal, { [option]: value }))
        assert.instanceOf(error, OptionsError)
        assert.strictEqual(error.option, option)
      }
    }))
})
