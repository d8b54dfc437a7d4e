import * as Cluster from "@coterie/core/Cluster"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as Presence from "@coterie/state/Presence"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { measured } from "../../core/test/cluster/measured.ts"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import * as World from "../../core/test/cluster/world.ts"
import { defaults, Overrides } from "../src/internal/Overrides.ts"
import { type Fold, PresenceTable, sliceSize } from "../src/internal/presence/PresenceTable.ts"
import { type Item, textsOf } from "./presence/FoldedPresence.ts"

type Users = Presence.Presence<string>

/** Opens a presence on a node, for as long as the scope is open. */
const openOn = (node: World.Node, options: Partial<Presence.Options<string>> = {}, name = "users") =>
  Presence.make(name, { value: Schema.String, grace: "2 seconds", ...options }).pipe(
    Effect.provideService(Cluster.Cluster, node.cluster),
  )

/** Waits until a presence lists these keys, with their metas as text. */
const until = (users: Users, expected: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    while (JSON.stringify(textsOf(yield* users.list)) !== JSON.stringify(expected)) yield* Effect.sleep("5 millis")
  })

/** Collects the changes of a presence. */
const collect = Effect.fnUntraced(function* (users: Users) {
  const items: Array<Item> = []
  yield* Effect.forkScoped(Stream.runForEach(users.changes, (item) => Effect.sync(() => void items.push(item))))
  while (items.length === 0) yield* Effect.yieldNow
  return items
})

/** Two nodes with a link that share a presence. */
const shared = Effect.fnUntraced(function* (world: World.World, options: Partial<Presence.Options<string>> = {}) {
  const { a, b } = yield* World.pair(world)
  return { a, b, here: yield* openOn(a, options), there: yield* openOn(b, options) }
})

/** A table that shows when it has folded a slice of a step, and not all of it. */
const observedTable = () => {
  const isMidway = Latch.makeUnsafe(false)
  let size = () => 0
  class Observed<A> extends PresenceTable<A> {
    override *fold(...input: Parameters<PresenceTable<A>["fold"]>): Fold<A> {
      const fold = super.fold(...input)
      for (let slice = fold.next(); ; slice = fold.next()) {
        if (slice.done === true) return slice.value
        isMidway.openUnsafe()
        yield
      }
    }
  }
  const makePresenceTable = <A>(grace: number): PresenceTable<A> => {
    const table = new Observed<A>(grace)
    size = () => table.size
    return table
  }
  return { isMidway, makePresenceTable, size: () => size() }
}

describe("a presence", () => {
  World.simulated("lists the keys that any node tracks, with one meta for each track", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      const tracked = yield* here.track("ann", "phone")
      // Own writes are listed at once.
      assert.deepStrictEqual(textsOf(yield* here.list), { ann: "a#1phone" })
      yield* here.track("ann", "tablet")
      yield* there.track("ann", "laptop")
      yield* there.track("bob", "laptop")
      const expected = { ann: "a#1phone,a#2tablet,b#1laptop", bob: "b#2laptop" }
      for (const users of [here, there]) yield* until(users, expected)
      yield* tracked.update("watch")
      yield* until(there, { ...expected, ann: "a#1watch,a#2tablet,b#1laptop" })
      assert.strictEqual(yield* there.count, 2)
      const bob = Option.getOrThrow(yield* here.get("bob"))
      assert.deepInclude(bob, { key: "bob", leaving: false })
      assert.deepInclude(bob.metas[0], { ref: 2, value: "laptop" })
      assert.isTrue(Option.isNone(yield* here.get("cat")))
    }),
  )

  World.simulated("tells a subscriber of each change of a key, from its join to its leave", (world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      const items = yield* collect(here)
      const scope = yield* Scope.make()
      const tracked = yield* Scope.provide(there.track("ann", "x"), scope)
      yield* until(here, { ann: "b#1x" })
      yield* tracked.update("y")
      yield* until(here, { ann: "b#1y" })
      yield* Scope.close(scope, Exit.void)
      yield* until(here, { ann: "b#1y leaving" })
      yield* until(here, {})
      yield* Effect.sleep("10 millis")
      assert.deepStrictEqual(
        items.map(({ _tag }) => _tag),
        ["Snapshot", "Joined", "Changed", "Changed", "Left"],
      )
      const [, , updated, ended] = items
      if (updated?._tag !== "Changed" || ended?._tag !== "Changed") return assert.fail()
      const values = (metas: ReadonlyArray<Presence.Meta<string>>) => metas.map(({ ref, value }) => `${ref}${value}`)
      assert.deepStrictEqual([values(updated.joined), values(updated.left)], [["1y"], ["1x"]])
      assert.deepStrictEqual([values(ended.joined), values(ended.left)], [[], ["1y"]])
      const error = yield* Effect.flip(tracked.update("z"))
      assert.strictEqual(error.reason._tag, "Closed")
    }),
  )

  World.simulated("has one change for each batch of an owner and key", (world) =>
    Effect.gen(function* () {
      // All changes within the delay are one batch.
      const { here, there } = yield* shared(world, { limits: { delay: "1 second" } })
      yield* there.track("zoe", "")
      yield* until(here, { zoe: "b#1" })
      const items = yield* collect(here)
      for (let i = 0; i < 3; i++) yield* there.track("ann", `${i}`)
      for (let i = 0; i < 3; i++) yield* Effect.scoped(there.track("ann", "brief"))
      yield* until(here, { ann: "b#20,b#31,b#42", zoe: "b#1" })
      assert.deepStrictEqual(
        items.map(({ _tag }) => _tag),
        ["Snapshot", "Joined"],
      )
    }),
  )

  World.simulated("rejects a key with NUL, and options that cannot be used", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const users = yield* openOn(a)
      const error = yield* Effect.flip(users.track("a\0b", ""))
      assert.match(error.message, /^presence "users": the key .* NUL$/)
      assert.isTrue(Option.isNone(yield* users.get("a\0b")))
      assert.strictEqual((yield* Effect.flip(openOn(a))).option, "name")
      for (const name of ["", "n".repeat(92)])
        assert.strictEqual((yield* Effect.flip(openOn(a, {}, name))).option, "name")
      for (const grace of ["Infinity", -1] as const)
        assert.strictEqual((yield* Effect.flip(openOn(a, { grace }, "other"))).option, "grace")
      const small = yield* openOn(a, { limits: { ownerEntries: 1 } }, "small")
      yield* small.track("ann", "")
      assert.strictEqual((yield* Effect.flip(small.track("bob", ""))).reason._tag, "Full")
      assert.strictEqual(yield* small.count, 1)
    }),
  )

  World.simulated("is synced when it has the keys that other nodes tracked before it was opened", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const there = yield* openOn(b)
      for (let i = 0; i < 500; i++) yield* there.track(`user-${i}`, "")
      const here = yield* openOn(a)
      assert.strictEqual(yield* here.count, 0)
      yield* here.synced
      assert.strictEqual(yield* here.count, 500)
      assert.deepInclude((yield* here.owners).get("b"), { state: "live", entries: 500 })
    }),
  )

  World.simulated("has all keys of a node at once, or none, whenever it is read", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const keys = 3 * sliceSize
      const there = yield* openOn(b)
      for (let i = 0; i < keys; i++) yield* there.track(`user-${i}`, "")
      const reads = {
        count: (users: Users) => users.count,
        list: (users: Users) => Effect.map(users.list, ({ size }) => size),
        get: (users: Users) => Effect.map(users.get(`user-${keys - 1}`), (of) => (Option.isSome(of) ? keys : 0)),
      }
      for (const read of Object.values(reads)) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const table = observedTable()
            const here = yield* Effect.provideService(openOn(a), Overrides, { ...defaults, ...table })
            yield* table.isMidway.await
            yield* Effect.yieldNow
            assert.isBelow(table.size(), keys, "a part of the keys is folded")
            assert.strictEqual(yield* read(here), keys)
          }),
        )
      }
    }),
  )

  World.simulated("hides only the metas that do not match the schema or are no metas", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      const letters: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(here.deadLetters, ({ reason }) => Effect.sync(() => void letters.push(reason))),
      )
      const there = yield* OwnedMap.make("presence/users", { key: Schema.String, value: Schema.Unknown }).pipe(
        Effect.provideService(Cluster.Cluster, b.cluster),
      )
      yield* there.set("ann\u00001", "fine")
      yield* until(here, { ann: "b#1fine" })
      const bad = ["bob\u00001", "no number", "\0", "zero\u00000", "two\0parts\u00001", "large\u0000123456789012345678"]
      for (const [i, key] of bad.entries()) {
        yield* there.set(key, i === 0 ? 5 : "")
        while (letters.length <= i) yield* Effect.sleep("5 millis")
      }
      assert.deepStrictEqual(textsOf(yield* here.list), { ann: "b#1fine" })
    }),
  )

  World.simulated("gives a subscriber that missed the end of a node one marker and a snapshot", (world) =>
    Effect.gen(function* () {
      const { b, here, there } = yield* shared(world, { limits: { changeBuffer: 100 }, grace: 0 })
      for (let i = 0; i < 500; i++) yield* there.track(`user-${i}`, "")
      while ((yield* here.count) < 500) yield* Effect.sleep("5 millis")
      const pull = yield* Stream.toPull(here.changes)
      yield* pull
      yield* b.stop
      while ((yield* here.count) > 0) yield* Effect.sleep("5 millis")
      const [lagged, snapshot] = yield* pull
      assert.deepStrictEqual(lagged, { _tag: "Lagged", missed: 500 })
      assert.strictEqual(snapshot?._tag === "Snapshot" ? snapshot.state.size : -1, 0)
    }),
  )

  World.simulated("ends its changes when the node has left", (world) =>
    Effect.gen(function* () {
      const { a, here } = yield* shared(world)
      yield* here.track("ann", "")
      yield* a.stop
      yield* Stream.runDrain(here.changes)
      assert.strictEqual((yield* Effect.flip(here.track("bob", ""))).reason._tag, "Closed")
    }),
  )

  measured((registry) => new MetricReader(registry))("counts its keys by state", (metrics, world) =>
    Effect.gen(function* () {
      const { here, there } = yield* shared(world)
      yield* there.track("ann", "")
      yield* Effect.scoped(Effect.andThen(there.track("bob", ""), until(here, { ann: "b#1", bob: "b#2" })))
      yield* until(here, { ann: "b#1", bob: "b#2 leaving" })
      const keys = (state: string) =>
        metrics.value("a", "coterie_state_presence_keys", { map: "presence/users", state })
      assert.deepStrictEqual([keys("present"), keys("leaving")], [1, 1])
    }),
  )

  it.live("over TCP lists the keys of a node until it is killed, and for the grace", () =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(yield* World.tcp)
      const options = { grace: "100 millis" } as const
      const [here, there] = [yield* openOn(a, options), yield* openOn(b, options)]
      yield* here.track("ann", "phone")
      for (let i = 0; i < 1_000; i++) yield* there.track(`user-${i}`, "laptop")
      while ((yield* here.count) < 1_001) yield* Effect.sleep("5 millis")
      const items = yield* collect(here)
      yield* b.crash
      const count = (tag: Item["_tag"]) => items.filter(({ _tag }) => _tag === tag).length
      while (count("Left") < 1_000) yield* Effect.sleep("5 millis")
      assert.deepStrictEqual([count("Changed"), count("Left"), count("Joined")], [1_000, 1_000, 0])
      assert.deepStrictEqual(textsOf(yield* here.list), { ann: "a#1phone" })
    }).pipe(Effect.scoped),
  )

  class Online extends Context.Service<Online, Users>()("test/Online") {}

  World.simulated("is shared by the users of a layer", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const there = yield* openOn(b)
      const layer = Presence.layer(Online, "users", { value: Schema.String }).pipe(
        Layer.provide(Layer.succeed(Cluster.Cluster, a.cluster)),
      )
      yield* Effect.gen(function* () {
        const users = yield* Online
        yield* users.track("ann", "")
        yield* until(there, { ann: "a#1" })
      }).pipe(Effect.scoped, Effect.provide(layer))
      yield* until(there, {})
    }),
  )
})

it("folds changes by key", () => {
  const present = { key: "ann", metas: [], leaving: true }
  const state = new Map<string, Presence.Present<string>>()
  Presence.apply(state, { _tag: "Joined", present })
  Presence.apply(state, { _tag: "Lagged", missed: 5 })
  assert.deepStrictEqual([...state.keys()], ["ann"])
  Presence.apply(state, { _tag: "Left", present })
  assert.strictEqual(state.size, 0)
  state.set("old", present)
  Presence.apply(state, { _tag: "Snapshot", state: new Map([["ann", present]]) })
  assert.deepStrictEqual([...state.keys()], ["ann"])
})
