import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import { Cluster } from "@coterie/core/Cluster"
import * as OwnedMap from "@coterie/state/OwnedMap"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import { format } from "../src/internal/replication/messages.ts"
import { messagesSent } from "./messagesSent.ts"
import { recordLog } from "./recordLog.ts"

type TestMap = OwnedMap.OwnedMap<string, number>
type Item = ChangeFeed.Item<OwnedMap.View<string, number>, OwnedMap.Change<string, number>>

const schemas = { key: Schema.String, value: Schema.Finite }

/** Opens a map on a node, for as long as the scope is open. */
const openOn = (node: World.Node, limits: Partial<OwnedMap.Limits> = {}, name = "numbers") =>
  Effect.provideService(OwnedMap.make(name, { ...schemas, limits }), Cluster, node.cluster)

const texts = (entries: ReadonlyArray<OwnedMap.Entry<string, number>>): ReadonlyArray<string> =>
  entries.map(({ key, owner, value }) => `${owner.name} ${key} ${value}`).sort()

/** Waits until a map has these entries of all owners. */
const untilEntries = (map: TestMap, expected: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (;;) {
      const { entries } = yield* map.view
      if (texts(entries).join() === [...expected].sort().join()) return
      yield* Effect.sleep("5 millis")
    }
  })

/** Waits until an owner has this state. */
const untilState = (map: TestMap, owner: string, state: OwnedMap.OwnerState | undefined) =>
  Effect.gen(function* () {
    while ((yield* map.owners).get(owner)?.state !== state) yield* Effect.sleep("5 millis")
  })

/** Collects the changes of a map. */
const collect = (map: TestMap) =>
  Effect.gen(function* () {
    const items: Array<Item> = []
    yield* Effect.forkScoped(Stream.runForEach(map.changes, (item) => Effect.sync(() => void items.push(item))))
    while (items.length === 0) yield* Effect.yieldNow
    return items
  })

/** Two nodes with a link that share a map. */
const shared = Effect.fnUntraced(function* (world: World.World) {
  const { a, b } = yield* World.pair(world)
  return { a, b, here: yield* openOn(a), there: yield* openOn(b) }
})

const reasonOf = <A>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

describe("an owned map", () => {
  World.simulated("has the entries of all nodes, and each node changes its own", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      yield* here.set("x", 1)
      yield* there.set("x", 2)
      yield* there.set("y", 3)
      assert.deepStrictEqual(texts(yield* here.own), ["a x 1"])
      yield* untilEntries(here, ["a x 1", "b x 2", "b y 3"])
      yield* untilEntries(there, ["a x 1", "b x 2", "b y 3"])
      assert.deepStrictEqual(texts(yield* here.get("x")), ["a x 1", "b x 2"])
      assert.isTrue(yield* there.update("x", (value) => value + 5))
      assert.isFalse(yield* there.update("z", (value) => value + 5))
      assert.isTrue(yield* there.remove("y"))
      assert.isFalse(yield* there.remove("y"))
      yield* untilEntries(here, ["a x 1", "b x 7"])
    }),
  )

  World.simulated("shows a node what existed before it opened the map, once it is synced", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const there = yield* openOn(b)
      yield* there.setAll(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i] as const))
      const here = yield* openOn(a)
      assert.lengthOf((yield* here.view).entries, 0)
      yield* here.synced
      assert.lengthOf((yield* here.view).entries, 2_000)
      assert.strictEqual((yield* here.owners).get("b")?.state, "live")
    }),
  )

  World.simulated("is synced although a peer opens the map and never sends its entries", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const lane = yield* b.cluster.lane("coterie.state/numbers", {
        format: `${format} ${b.cluster.serialization.format}`,
      })
      // The peer takes the requests and answers none.
      yield* Effect.forkScoped(Stream.runDrain(yield* lane.open()))
      const here = yield* openOn(a, { syncTimeout: "20 seconds" })
      const synced = yield* Effect.forkChild(here.synced)
      yield* Effect.sleep("19 seconds")
      assert.isUndefined(synced.pollUnsafe())
      yield* Fiber.join(synced)
      assert.strictEqual((yield* here.owners).get("b")?.state, "syncing")
    }),
  )

  World.simulated("has a budget of lines about the links of a peer that never sends its entries", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const { lines, logger } = recordLog()
      yield* Effect.provide(openOn(a, { syncTimeout: "1 second" }), logger)
      const life = Effect.gen(function* () {
        const b = yield* world.node("b", { seeds: [a.address] })
        const lane = yield* b.cluster.lane("coterie.state/numbers", {
          format: `${format} ${b.cluster.serialization.format}`,
        })
        yield* Effect.forkScoped(Stream.runDrain(yield* lane.open()))
        yield* Effect.sleep("2 seconds")
      })
      const written = 10
      yield* Effect.repeat(Effect.scoped(life), { times: written + 4 })
      assert.lengthOf(lines, written)
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(lines.slice(written), ['omitted log lines of the kind "overdue entries": 5'])
    }),
  )

  World.simulated("is synced although a peer does not have the map", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const here = yield* openOn(a)
      yield* here.synced
      assert.strictEqual((yield* here.owners).get("b")?.state, "absent")
    }),
  )

  World.simulated("shows one step of an owner as one step", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      yield* there.setAll([
        ["x", 1],
        ["y", 1],
      ])
      yield* untilEntries(here, ["b x 1", "b y 1"])
      const seen: Array<string> = []
      const items = yield* collect(here)
      yield* there.setAll([
        ["y", 2],
        ["z", 2],
      ])
      yield* untilEntries(here, ["b y 2", "b z 2"])
      yield* Effect.sleep("10 millis")
      for (const item of items.slice(1)) {
        if (item._tag === "Set") seen.push(`${item.entry.key} ${Option.getOrNull(item.previous)} ${item.entry.value}`)
        if (item._tag === "Removed") seen.push(`${item.entry.key} ${item.why}`)
      }
      assert.deepStrictEqual(seen.sort(), ["x removed", "y 1 2", "z null 2"])
    }),
  )

  World.simulated("shows the entries that a batch sets and removes in one step, also at other nodes", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      yield* there.setAll(["p", "q", "x", "y"].map((key) => [key, 1] as const))
      yield* untilEntries(here, ["b p 1", "b q 1", "b x 1", "b y 1"])
      // A subscriber never sees a part of the step: between two items of it there is no other view.
      const views = new Set<string>()
      for (const map of [here, there]) {
        yield* Effect.forkScoped(
          Stream.runForEach(map.changes, () =>
            Effect.map(map.view, ({ entries }) => void views.add(texts(entries).join(", "))),
          ),
        )
      }
      const [atOwner, atReader] = [yield* collect(there), yield* collect(here)]
      yield* there.batch({
        set: [
          ["y", 2],
          ["z", 2],
          ["p", 3],
          ["p", 4],
        ],
        remove: ["x", "p", "unknown"],
      })
      yield* untilEntries(here, ["b p 4", "b q 1", "b y 2", "b z 2"])
      yield* Effect.sleep("10 millis")
      const seen = (items: ReadonlyArray<Item>) =>
        items.flatMap((item) => {
          if (item._tag === "Set") return [`${item.entry.key} ${Option.getOrNull(item.previous)} ${item.entry.value}`]
          return item._tag === "Removed" ? [`${item.entry.key} ${item.why}`] : []
        })
      for (const items of [atOwner, atReader])
        assert.deepStrictEqual(seen(items).sort(), ["p 1 4", "x removed", "y 1 2", "z null 2"])
      assert.deepStrictEqual([...views], ["b p 1, b q 1, b x 1, b y 1", "b p 4, b q 1, b y 2, b z 2"])
    }),
  )

  World.simulated("sends nothing for a batch that changes nothing", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      yield* there.batch({ set: [["x", 1]] })
      yield* untilEntries(here, ["b x 1"])
      yield* Effect.sleep("1 second")
      const before = yield* messagesSent
      const items = yield* collect(here)
      yield* there.batch({ set: [["x", 1]], remove: ["y"] })
      yield* there.batch({})
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* messagesSent, before)
      assert.lengthOf(items, 1)
    }),
  )

  World.simulated("makes no change of a batch of which one cannot be made", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const map = yield* openOn(a, { ownerEntries: 3, ownerBytes: 100, entryBytes: 80 })
      yield* map.setAll([
        ["a", 1],
        ["b", 1],
      ])
      const items = yield* collect(map)
      const failing: ReadonlyArray<readonly [string, OwnedMap.Batch<string, number>]> = [
        [
          "NotEncodable",
          {
            set: [
              ["c", 1],
              ["a", Number.NaN],
            ],
            remove: ["b"],
          },
        ],
        ["NotEncodable", { set: [["c", 1]], remove: ["b", "\uD800"] }],
        [
          "EntryTooLarge",
          {
            set: [
              ["c", 1],
              ["k".repeat(80), 1],
            ],
            remove: ["b"],
          },
        ],
        [
          "Full",
          {
            set: [
              ["c", 1],
              ["d", 1],
              ["e", 1],
            ],
            remove: ["b"],
          },
        ],
        [
          "Full",
          {
            set: [
              ["c".repeat(60), 1],
              ["d".repeat(60), 1],
            ],
            remove: ["a", "b"],
          },
        ],
      ]
      for (const [reason, changes] of failing) assert.strictEqual(yield* reasonOf(map.batch(changes)), reason)
      assert.deepStrictEqual(texts(yield* map.own), ["a a 1", "a b 1"])
      assert.lengthOf(items, 1)
      // What a batch removes makes room for what it sets.
      yield* map.batch({ set: ["c", "d", "e"].map((key) => [key, 1] as const), remove: ["a", "b"] })
      assert.deepStrictEqual(texts(yield* map.own), ["a c 1", "a d 1", "a e 1"])
      yield* a.stop
      assert.strictEqual(yield* reasonOf(map.batch({ remove: ["c"] })), "Closed")
    }),
  )

  World.simulated("loses the entries of a node that leaves or fails, with the reason", (world) =>
    Effect.gen(function* () {
      for (const why of ["left", "failed"] as const) {
        const a = yield* world.node(`a-${why}`)
        const b = yield* world.node(`b-${why}`, { seeds: [a.address] })
        yield* World.untilPeers(a, [`b-${why}`])
        const here = yield* openOn(a)
        const there = yield* openOn(b)
        yield* there.set("x", 1)
        yield* untilEntries(here, [`b-${why} x 1`])
        const items = yield* collect(here)
        yield* why === "left" ? b.stop : b.crash
        yield* untilEntries(here, [])
        yield* Effect.sleep("10 millis")
        const removed = items.flatMap((item) => (item._tag === "Removed" ? [item.why] : []))
        assert.deepStrictEqual(removed, [why])
        yield* a.stop
      }
    }),
  )

  World.simulated("keeps the entries of an owner whose link is lost, as stale", (world, network) =>
    Effect.gen(function* () {
      const [a, b, c] = [
        yield* world.node("a"),
        yield* world.node("b", { seeds: ["a"] }),
        yield* world.node("c", { seeds: ["a", "b"] }),
      ]
      yield* World.untilPeers(a, ["b", "c"])
      yield* World.untilPeers(b, ["a", "c"])
      const here = yield* openOn(a)
      const there = yield* openOn(b)
      yield* there.set("x", 1)
      yield* untilEntries(here, ["b x 1"])
      yield* network.partition(["a"], ["b"])
      yield* untilState(here, "b", "stale")
      yield* there.set("x", 2)
      assert.deepStrictEqual(texts(yield* here.get("x")), ["b x 1"])
      yield* network.heal
      yield* untilState(here, "b", "live")
      assert.deepStrictEqual(texts(yield* here.get("x")), ["b x 2"])
      assert.strictEqual(c.dialed.length > 0, true)
    }),
  )

  World.simulated("loses the entries of a node that closes the map, and shows them again when it opens it", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      for (let life = 1; life <= 2; life++) {
        const scope = yield* Scope.make()
        const there = yield* Scope.provide(openOn(b), scope)
        yield* there.set("x", life)
        yield* untilEntries(here, [`b x ${life}`])
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* reasonOf(there.set("x", 9)), "Closed")
      }
      yield* untilEntries(here, [])
      assert.strictEqual((yield* here.owners).get("b")?.state, "absent")
    }),
  )

  World.simulated("does not let anybody wait for it after it has closed, also if it closes at once", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const map = yield* Effect.scoped(openOn(a))
      yield* Effect.timeout(map.synced, "10 seconds")
    }),
  )

  World.simulated("removes a scoped entry with the last scope that holds its key", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      const entry = yield* Scope.provide(there.entry("x", 1), first)
      yield* Scope.provide(there.entry("x", 2), second)
      yield* entry.set(3)
      yield* untilEntries(here, ["b x 3"])
      yield* Scope.close(first, Exit.void)
      assert.strictEqual(yield* reasonOf(entry.set(4)), "Closed")
      assert.deepStrictEqual(texts(yield* there.own), ["b x 3"])
      yield* Scope.close(second, Exit.void)
      assert.deepStrictEqual(yield* there.own, [])
      yield* untilEntries(here, [])
    }),
  )

  World.simulated("rejects what does not fit or does not encode, and changes nothing", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const map = yield* openOn(a, { ownerEntries: 2, ownerBytes: 100, entryBytes: 80 })
      yield* map.set("a", 1)
      assert.strictEqual(yield* reasonOf(map.set("b", Number.NaN)), "NotEncodable")
      assert.strictEqual(yield* reasonOf(map.set("\uD800", 1)), "NotEncodable")
      const unread = yield* Effect.flip(map.get("\uD800"))
      assert.strictEqual(unread.message, 'map "numbers": the key encodes to a text with a lone surrogate')
      assert.strictEqual(yield* reasonOf(map.set("k".repeat(80), 1)), "EntryTooLarge")
      assert.strictEqual(
        yield* reasonOf(
          map.setAll([
            ["b", 1],
            ["c", 1],
            ["d", 1],
          ]),
        ),
        "Full",
      )
      assert.strictEqual(
        yield* reasonOf(
          map.setAll([
            ["b".repeat(60), 1],
            ["c".repeat(60), 1],
          ]),
        ),
        "Full",
      )
      const error = yield* Effect.flip(map.set("k".repeat(80), 1))
      assert.match(error.message, /^map "numbers": the entry "k+" has 81 bytes, .*entryBytes.* 80$/)
      assert.deepStrictEqual(texts(yield* map.own), ["a a 1"])
      yield* a.stop
      assert.strictEqual(yield* reasonOf(map.set("b", 1)), "Closed")
    }),
  )

  it.live("rejects every change from the moment at which `leave` completes", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const a = yield* node("a")
      const map = yield* openOn(a)
      yield* map.set("x", 1)
      yield* a.cluster.leave
      assert.strictEqual(yield* reasonOf(map.set("x", 2)), "Closed")
      assert.strictEqual(yield* reasonOf(Effect.scoped(map.entry("y", 2))), "Closed")
      assert.deepStrictEqual(texts(yield* map.own), ["a x 1"])
    }).pipe(Effect.scoped),
  )

  World.simulated("is refused by a node with smaller limits, which keeps the other owners", (world) =>
    Effect.gen(function* () {
      const [a, b, c] = [
        yield* world.node("a"),
        yield* world.node("b", { seeds: ["a"] }),
        yield* world.node("c", { seeds: ["a"] }),
      ]
      yield* World.untilPeers(a, ["b", "c"])
      const here = yield* openOn(a, { ownerEntries: 10 })
      const large = yield* openOn(b)
      const small = yield* openOn(c)
      yield* small.set("x", 1)
      yield* large.setAll(Array.from({ length: 11 }, (_, i) => [`k${i}`, i] as const))
      yield* untilState(here, "b", "refused")
      yield* untilEntries(here, ["c x 1"])
      assert.strictEqual((yield* here.owners).get("c")?.state, "live")
    }),
  )

  World.simulated("hides only the entries that do not match the schema of the reader", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      const there = yield* Effect.provideService(
        OwnedMap.make("numbers", { key: Schema.String, value: Schema.Union([Schema.Finite, Schema.String]) }),
        Cluster,
        b.cluster,
      )
      const letters: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(here.deadLetters, ({ reason }) => Effect.sync(() => void letters.push(reason))),
      )
      const items = yield* collect(here)
      yield* there.set("x", 1)
      yield* there.set("y", 1)
      yield* untilEntries(here, ["b x 1", "b y 1"])
      yield* there.set("x", "text")
      yield* untilEntries(here, ["b y 1"])
      // The dead letter comes with the entry, and not with a later one.
      yield* Effect.sleep("20 millis")
      assert.lengthOf(letters, 1)
      yield* there.set("y", 2)
      yield* untilEntries(here, ["b y 2"])
      assert.lengthOf(letters, 1)
      assert.match(letters[0] ?? "", /^the value of "x" does not decode/)
      const removed = items.flatMap((item) => (item._tag === "Removed" ? [`${item.entry.key} ${item.why}`] : []))
      assert.deepStrictEqual(removed, ["x undecodable"])
      yield* there.set("x", 5)
      yield* untilEntries(here, ["b x 5", "b y 2"])
    }),
  )

  World.simulated("gives one dead letter for an entry that does not change, however often it arrives", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      const value = Schema.Union([Schema.Finite, Schema.String])
      // Without remembered removals, every removal makes a batch of all entries.
      const options = { key: Schema.String, value, limits: { tombstones: 0 } }
      const there = yield* Effect.provideService(OwnedMap.make("numbers", options), Cluster, b.cluster)
      const letters: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(here.deadLetters, ({ reason }) => Effect.sync(() => void letters.push(reason))),
      )
      yield* there.set("bad", "text")
      yield* there.set("x", 1)
      yield* untilEntries(here, ["b x 1"])
      for (let i = 2; i < 7; i++) {
        yield* there.set("y", i)
        yield* untilEntries(here, ["b x 1", `b y ${i}`])
        yield* there.remove("y")
        yield* untilEntries(here, ["b x 1"])
      }
      assert.lengthOf(letters, 1)
      yield* there.set("bad", "other")
      yield* there.set("x", 2)
      yield* untilEntries(here, ["b x 2"])
      yield* Effect.sleep("20 millis")
      assert.lengthOf(letters, 2)
    }),
  )

  World.simulated("gives a slow subscriber a snapshot in place of the changes that it missed", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const map = yield* openOn(a, { changeBuffer: 10 })
      const pull = yield* Stream.toPull(map.changes)
      yield* pull
      for (let i = 0; i < 100; i++) yield* map.set(`k${i}`, i)
      const [lagged, snapshot] = yield* pull
      assert.deepStrictEqual(lagged, { _tag: "Lagged", missed: 100 })
      assert.lengthOf(snapshot?._tag === "Snapshot" ? snapshot.state.entries : [], 100)
    }).pipe(Effect.scoped),
  )

  World.simulated("is opened once for each name, with valid options", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const scope = yield* Scope.make()
      yield* Scope.provide(openOn(a), scope)
      const again = yield* Effect.flip(openOn(a))
      assert.match(again.message, /option "name": the map "numbers" is already open on this node/)
      yield* Scope.close(scope, Exit.void)
      yield* openOn(a)
      yield* openOn(a, {}, "other")
      for (const name of ["", "n".repeat(101), "a\0b"])
        assert.strictEqual((yield* Effect.flip(openOn(a, {}, name))).option, "name")
      for (const [limits, option] of [
        [{ ownerEntries: 0 }, "limits.ownerEntries"],
        [{ partBytes: 1.5 }, "limits.partBytes"],
        [{ tombstones: -1 }, "limits.tombstones"],
        [{ delay: "Infinity" }, "limits.delay"],
      ] as const) {
        assert.strictEqual((yield* Effect.flip(openOn(a, limits, "invalid"))).option, option)
      }
    }),
  )

  World.simulated("counts entries, batches and requests", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      yield* there.set("x", 1)
      yield* untilEntries(here, ["b x 1"])
      const context = yield* Effect.context<never>()
      const series = Metric.snapshotUnsafe(context).flatMap((metric) => {
        if (!metric.id.startsWith("coterie_state_")) return []
        const value = metric.type === "Counter" ? metric.state.count : metric.type === "Gauge" ? metric.state.value : 0
        const { cluster: _, map: __, node, ...labels } = metric.attributes ?? {}
        return [`${node} ${metric.id} ${Object.values(labels).join()} ${value}`]
      })
      assert.include(series, "a coterie_state_entries others 1")
      assert.include(series, "b coterie_state_entries own 1")
      assert.include(series, "b coterie_state_bytes own 2")
      for (const [why, count] of Object.entries({ opened: 1, unanswered: 0, notSent: 0, gap: 0, diverged: 0 }))
        assert.include(series, `a coterie_state_requests_total ${why} ${count}`)
      for (const [state, count] of Object.entries({ live: 1, stale: 0, syncing: 0, absent: 0, refused: 0 }))
        assert.include(series, `a coterie_state_owners ${state} ${count}`)
      assert.include(series, "a coterie_state_diverged_total  0")
      assert.include(series, "b coterie_state_behind  0")
    }),
  )

  class Numbers extends Context.Service<Numbers, TestMap>()("test/Numbers") {}

  World.simulated("is shared by the users of a layer", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const there = yield* openOn(b)
      const layer = OwnedMap.layer(Numbers, "numbers", schemas).pipe(Layer.provide(Layer.succeed(Cluster, a.cluster)))
      yield* Effect.gen(function* () {
        const map = yield* Numbers
        yield* map.set("x", 1)
        yield* untilEntries(there, ["a x 1"])
      }).pipe(Effect.provide(layer))
      yield* untilEntries(there, [])
    }),
  )

  World.simulated("sends a change at once, and no other batch to the peer within the delay", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [here, there] = [yield* openOn(a, { delay: "1 second" }), yield* openOn(b)]
      yield* Effect.all([here.synced, there.synced])
      yield* Effect.sleep("2 seconds")
      const before = yield* messagesSent
      for (let i = 1; i < 10; i++) {
        yield* here.set("x", i)
        yield* Effect.sleep("100 millis")
        assert.strictEqual(yield* messagesSent, before + 1)
        yield* untilEntries(there, ["a x 1"])
      }
      yield* Effect.sleep("200 millis")
      yield* untilEntries(there, ["a x 9"])
      assert.strictEqual(yield* messagesSent, before + 2)
      yield* Effect.sleep("2 seconds")
      yield* here.set("x", 10)
      yield* Effect.sleep("100 millis")
      yield* untilEntries(there, ["a x 10"])
      assert.strictEqual(yield* messagesSent, before + 3)
    }),
  )

  World.simulated("costs no message while nothing changes", (world) =>
    Effect.gen(function* () {
      const { b, here, there } = yield* shared(world)
      yield* there.setAll(Array.from({ length: 100 }, (_, i) => [`k${i}`, i] as const))
      yield* here.synced
      yield* Effect.sleep("1 second")
      const before = yield* messagesSent
      assert.isAbove(before, 0)
      yield* Effect.sleep("30 seconds")
      assert.strictEqual(yield* messagesSent, before)
      yield* b.stop
    }),
  )
})

it("folds changes by owner and key, whatever the names", () => {
  const entry = (name: string, encodedKey: string, value: number) => ({
    owner: { name, generation: 1 },
    key: encodedKey,
    encodedKey,
    value,
  })
  const state = new Map<string, OwnedMap.Entry<string, number>>()
  OwnedMap.apply(state, { _tag: "Set", entry: entry("a", "bc", 1), previous: Option.none() })
  OwnedMap.apply(state, { _tag: "Set", entry: entry("ab", "c", 2), previous: Option.none() })
  assert.strictEqual(state.size, 2)
  OwnedMap.apply(state, { _tag: "Removed", entry: entry("a", "bc", 1), why: "removed" })
  assert.deepStrictEqual(
    [...state.values()].map(({ value }) => value),
    [2],
  )
  OwnedMap.apply(state, { _tag: "Snapshot", state: { entries: [entry("c", "", 3)], owners: new Map() } })
  assert.deepStrictEqual(
    [...state.values()].map(({ value }) => value),
    [3],
  )
})
