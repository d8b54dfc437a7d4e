import { Cluster } from "@coterie/core/Cluster"
import type { Described } from "@coterie/core/NodeComponents"
import * as Group from "@coterie/state/Group"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as Placement from "@coterie/state/Placement"
import * as Presence from "@coterie/state/Presence"
import * as SharedValue from "@coterie/state/SharedValue"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import { countVisits } from "../../core/test/internal/countVisits.ts"

const open = (node: World.Node) =>
  Effect.provideService(
    Effect.all({
      map: OwnedMap.make("jobs", { key: Schema.String, value: Schema.Finite }),
      users: Presence.make("users", { value: Schema.Finite }),
      level: SharedValue.make("level", { value: Schema.Finite, initial: 0 }),
    }),
    Cluster,
    node.cluster,
  )

const rowsOf = (described: Described | undefined) => [...(described?.rows ?? [])]

World.simulated(
  "a node shows the sizes of its maps, presences and values, without contents, until they close",
  (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const scope = yield* Scope.make()
      const here = yield* Scope.provide(open(a), scope)
      const there = yield* open(b)
      yield* here.map.set("x", 1)
      yield* there.map.set("y", 22)
      yield* there.map.set("z", 3)
      yield* there.users.track("ann", 1)
      yield* there.level.set(5)
      yield* Effect.sleep("1 second")
      const shown = yield* a.cluster.components.describe
      assert.deepStrictEqual(
        shown.map(({ kind, name }) => `${kind} ${name}`),
        ["map coterie.values", "map jobs", "map presence/users", "presence users", "values coterie.values"],
      )
      assert.deepStrictEqual(shown[1]?.facts, {
        ownEntries: 1,
        ownBytes: 2,
        otherEntries: 2,
        otherBytes: 5,
        behind: 0,
      })
      assert.deepStrictEqual(rowsOf(shown[1]), [{ peer: "b", state: "live", entries: 2, bytes: 5, behind: 0 }])
      assert.deepStrictEqual(shown[3]?.facts, { keys: 1, leaving: 0 })
      const [row] = rowsOf(shown[4])
      assert.deepStrictEqual(shown[4]?.facts, { values: 1, limit: 1_024 })
      assert.deepStrictEqual([row?.["value"], row?.["by"], row?.["bytes"], row?.["publishers"]], ["level", "b", 1, 2])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* a.cluster.components.describe, [])
      yield* Effect.sleep("2 seconds")
      const [, jobs] = yield* b.cluster.components.describe
      assert.deepStrictEqual(rowsOf(jobs), [{ peer: "a", state: "absent", entries: 0, bytes: 0 }])
    }),
)

World.simulated("a node shows the members of its groups by node, and the owners of the keys that it watches", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const open = (node: World.Node) =>
      Effect.gen(function* () {
        const group = yield* Group.make("workers", { value: Schema.Null })
        yield* group.join(null, { weight: 2 })
        const placement = yield* Placement.make(group)
        for (const key of ["x", "y", "z"]) yield* Effect.forkScoped(Stream.runDrain(placement.watch(key)))
        return placement
      }).pipe(Effect.provideService(Cluster, node.cluster))
    const here = yield* open(a)
    yield* open(b)
    yield* Effect.sleep("5 seconds")
    const shown = yield* a.cluster.components.describe
    const [group, map, placement] = shown
    assert.deepStrictEqual(
      shown.map(({ kind, name }) => `${kind} ${name}`),
      ["group workers", "map coterie.groups", "placement workers"],
    )
    assert.deepStrictEqual(group?.facts, { members: 2, nodes: 2, isSynced: true })
    assert.deepStrictEqual(rowsOf(group), [
      { peer: "a", status: "alive", link: "up", members: 1, weight: 2 },
      { peer: "b", status: "alive", link: "up", members: 1, weight: 2 },
    ])
    assert.strictEqual(map?.facts["ownEntries"], 1)
    const owners = yield* Effect.forEach(["x", "y", "z"], (key) =>
      Effect.map(here.owner(key), (owner) => ({ key, owner: Option.getOrThrow(owner).name })),
    )
    assert.deepStrictEqual(
      rowsOf(placement),
      owners.map(({ key, owner }) => ({ key, ownership: owner === "a" ? "mine" : "other", owner })),
    )
    assert.deepStrictEqual(placement?.facts, { keys: 3, mine: owners.filter(({ owner }) => owner === "a").length })
  }),
)

const shown = { showContents: true } as const

/** Opens a map, a presence, a group and a value on a node, whose contents the components show. */
const openShown = (node: World.Node) =>
  Effect.provideService(
    Effect.all({
      map: OwnedMap.make("jobs", { key: Schema.String, value: Schema.Struct({ at: Schema.Date }), ...shown }),
      users: Presence.make("users", { value: Schema.Struct({ device: Schema.String }), ...shown }),
      workers: Group.make("workers", { value: Schema.Finite, ...shown }),
      level: SharedValue.make("level", { value: Schema.String, initial: "info", ...shown }),
    }),
    Cluster,
    node.cluster,
  )

World.simulated("a node shows the contents that the application allows, as JSON of a bounded length", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const scope = yield* Scope.make()
    const here = yield* Scope.provide(openShown(a), scope)
    const component = (kind: string, name: string) =>
      Effect.map(a.cluster.components.describe, (all) => all.find((each) => each.kind === kind && each.name === name))
    assert.deepStrictEqual((yield* component("value", "level"))?.facts, { value: '"info"' })
    // The peer shows no contents of its own, and does not decide for others.
    const there = yield* Effect.provideService(
      Effect.all({
        map: OwnedMap.make("jobs", { key: Schema.String, value: Schema.Struct({ at: Schema.Date }) }),
        users: Presence.make("users", { value: Schema.Struct({ device: Schema.String }) }),
        workers: Group.make("workers", { value: Schema.Finite }),
        level: SharedValue.make("level", { value: Schema.String, initial: "info" }),
      }),
      Cluster,
      b.cluster,
    )
    yield* here.map.set("x", { at: new Date(0) })
    yield* there.map.set(`${"k".repeat(252)}\u{1f600}${"k".repeat(9)}`, { at: new Date(5) })
    yield* there.users.track("ann\n", { device: "\u202e" })
    yield* there.workers.join(7, { weight: 2 })
    yield* there.level.set("y".repeat(255))
    yield* Effect.sleep("1 second")
    const entries = yield* component("entries", "jobs")
    assert.deepStrictEqual(entries?.facts, { entries: 2 })
    assert.deepStrictEqual(rowsOf(entries), [
      { owner: "a", key: "x", value: '{"at":"1970-01-01T00:00:00.000Z"}' },
      { owner: "b", key: `${"k".repeat(252)}\ufffd...`, value: '{"at":"1970-01-01T00:00:00.005Z"}' },
    ])
    assert.deepStrictEqual(rowsOf(yield* component("presence", "users")), [
      { owner: "b", key: "ann\n", value: '{"device":"\u202e"}' },
    ])
    assert.deepStrictEqual(rowsOf(yield* component("group", "workers")), [
      { peer: "b", status: "alive", link: "up", weight: 2, value: "7" },
    ])
    const level = (yield* component("value", "level"))?.facts
    assert.deepStrictEqual([level?.["value"], level?.["by"]], [`"${"y".repeat(252)}...`, "b"])
    for (const { kind } of yield* b.cluster.components.describe) assert.notInclude(["entries", "value"], kind)
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(yield* a.cluster.components.describe, [])
  }),
)

World.simulated("a node shows at most 1,000 rows with contents of one component, and encodes no others", (world) =>
  Effect.gen(function* () {
    const a = yield* world.node("a")
    let encoded = 0
    const Counted = Schema.Finite.pipe(
      Schema.decodeTo(Schema.Finite, {
        decode: SchemaGetter.passthrough(),
        encode: SchemaGetter.transform((value: number) => {
          encoded++
          return value
        }),
      }),
    )
    const map = yield* Effect.provideService(
      OwnedMap.make("jobs", { key: Schema.String, value: Counted, ...shown }),
      Cluster,
      a.cluster,
    )
    yield* map.setAll(Array.from({ length: 1_500 }, (_, i) => [`key ${i}`, i] as const))
    encoded = 0
    const [entries] = yield* a.cluster.components.describe
    assert.deepStrictEqual(
      [entries?.kind, entries?.facts, entries?.rows?.length],
      ["entries", { entries: 1_500 }, 1_500],
    )
    assert.strictEqual(encoded, 0)
    const [first] = entries?.rows ?? []
    assert.deepStrictEqual(first, { owner: "a", key: "key 0", value: "0" })
    assert.strictEqual(encoded, 1)
    assert.lengthOf(rowsOf(entries), 1_000)
  }),
)

World.simulated("a placement of many keys is described without a look at all of them", (world) =>
  Effect.gen(function* () {
    const a = yield* world.node("a")
    const group = yield* Effect.provideService(Group.make("workers", { value: Schema.Null }), Cluster, a.cluster)
    yield* group.join(null)
    const placement = yield* Effect.provideService(Placement.make(group), Cluster, a.cluster)
    const scope = yield* Scope.make()
    for (let i = 0; i < 1_000; i++) yield* Effect.forkIn(Stream.runDrain(placement.watch(`key ${i}`)), scope)
    yield* Effect.sleep("5 seconds")
    const described: Array<Described> = []
    const run = Effect.runSyncWith(yield* Effect.context())
    assert.isBelow(
      countVisits(() => described.push(...run(a.cluster.components.describe))),
      20,
    )
    assert.deepStrictEqual(described.at(-1)?.facts, { keys: 1_000, mine: 1_000 })
    const visited = countVisits(() => {
      const [first] = described.at(-1)?.rows ?? []
      assert.deepStrictEqual(first, { key: "key 0", ownership: "mine", owner: "a" })
    })
    assert.isBelow(visited, 10)
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual((yield* a.cluster.components.describe).at(-1)?.facts, { keys: 0, mine: 0 })
  }),
)
