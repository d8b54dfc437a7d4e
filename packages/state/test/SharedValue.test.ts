import { Cluster } from "@coterie/core/Cluster"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as SharedValue from "@coterie/state/SharedValue"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import { roleOf } from "../src/internal/MapRole.ts"
import { openAs } from "../src/internal/openMap.ts"
import { Write } from "../src/internal/values/Write.ts"
import { messagesSent } from "./messagesSent.ts"
import { recordLog } from "./recordLog.ts"

type Value = SharedValue.SharedValue<number>

const options = { value: Schema.Finite, initial: 0 }

/** Opens a value on a node, for as long as the scope is open. */
const openOn = (node: World.Node, name = "level", limits: Partial<SharedValue.Limits> = {}) =>
  SharedValue.make(name, options).pipe(
    Effect.provideService(Cluster, node.cluster),
    Effect.provide(SharedValue.layerLimits(limits)),
  )

/** Waits until a value is known. */
const until = <A>(value: SharedValue.SharedValue<A>, expected: A) =>
  Effect.asVoid(Stream.runHead(Stream.filter(value.values, (present) => present === expected)))

/** Collects the items of a stream. */
const collect = <A>(stream: Stream.Stream<A>) =>
  Effect.gen(function* () {
    const items: Array<A> = []
    yield* Effect.forkScoped(Stream.runForEach(stream, (item) => Effect.sync(() => void items.push(item))))
    yield* Effect.sleep("1 millis")
    return items
  })

/** Three nodes with links that share a value. */
const three = Effect.fnUntraced(function* (world: World.World) {
  const { a, b } = yield* World.pair(world)
  const c = yield* world.node("c", { seeds: [a.address, b.address] })
  for (const [node, others] of [
    [a, ["b", "c"]],
    [b, ["a", "c"]],
    [c, ["a", "b"]],
  ] as const)
    yield* World.untilPeers(node, others)
  const values: readonly [Value, Value, Value] = [yield* openOn(a), yield* openOn(b), yield* openOn(c)]
  return { nodes: [a, b, c] as const, values }
})

/** Opens the map of the shared values as a peer does that is no instance of this package. */
const openRaw = <A>(node: World.Node, value: Schema.Codec<A, unknown>) => {
  const name = "coterie.values"
  const opened = openAs(roleOf({ kind: "map", name }), name, { key: Schema.String, value })
  return Effect.map(Effect.provideService(opened, Cluster, node.cluster), (map) => map.service())
}

const reasonOf = <A>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

/** Returns the metrics of shared values of a node. */
const metricsOf = (node: string) =>
  Effect.map(Effect.context<never>(), (context) =>
    Object.fromEntries(
      Metric.snapshotUnsafe(context).flatMap((metric) => {
        if (!metric.id.startsWith("coterie_state_value") || metric.attributes?.["node"] !== node) return []
        const value = metric.type === "Counter" ? metric.state.count : metric.type === "Gauge" ? metric.state.value : 0
        return [[metric.id.replace("coterie_state_", ""), Number(value)]]
      }),
    ),
  )

describe("a shared value", () => {
  World.simulated("is the newest write at all nodes, and the initial value before", (world) =>
    Effect.gen(function* () {
      const {
        values: [here, there, third],
      } = yield* three(world)
      const seen = yield* collect(third.values)
      assert.strictEqual(yield* here.get, 0)
      yield* here.set(1)
      assert.strictEqual(yield* here.get, 1)
      yield* until(there, 1)
      yield* there.update((value) => value + 10)
      assert.strictEqual(yield* there.get, 11)
      yield* until(here, 11)
      yield* until(third, 11)
      assert.deepStrictEqual(seen, [0, 1, 11])
      const [write] = yield* Stream.runCollect(Stream.take(here.writes, 1))
      assert.deepStrictEqual([write?.value, write?.by.name], [11, "b"])
      yield* here.set(11)
      yield* until(third, 11)
    }),
  )

  World.simulated("outlives its writer, and is known to a node that opens it later", (world) =>
    Effect.gen(function* () {
      const {
        nodes: [a, b, c],
        values: [here, there, third],
      } = yield* three(world)
      yield* here.set(7)
      yield* until(there, 7)
      yield* until(third, 7)
      yield* a.crash
      yield* b.stop
      const d = yield* world.node("d", { seeds: [c.address] })
      const late = yield* openOn(d)
      yield* until(late, 7)
    }),
  )

  World.simulated("is kept by a node that has only opened another one", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      yield* openOn(b, "other")
      yield* here.set(7)
      yield* Effect.sleep("1 second")
      yield* a.crash
      const there = yield* openOn(b)
      assert.strictEqual(yield* there.get, 7)
    }),
  )

  World.simulated("of a restarted node waits for its peers before the first write", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      yield* here.set(7)
      const there = yield* openOn(b)
      yield* there.update((value) => value + 1)
      assert.strictEqual(yield* there.get, 8)
      yield* until(here, 8)
    }),
  )

  World.simulated("can be written although a peer is not synced, after one second", (world, network) =>
    Effect.gen(function* () {
      const alone = yield* world.node("alone", { start: "manual" })
      const value = yield* openOn(alone)
      yield* Effect.timeout(value.set(1), "1100 millis")
      assert.strictEqual(yield* value.get, 1)
      yield* network.heal
    }),
  )

  World.simulated(
    "that was written on both sides of a partition has one write after it, and one side is told",
    (world, network) =>
      Effect.gen(function* () {
        const {
          values: [here, there, third],
        } = yield* three(world)
        yield* here.set(1)
        yield* until(third, 1)
        yield* network.partition(["a"], ["b", "c"])
        const [told, others] = [yield* collect(here.conflicts), yield* collect(third.conflicts)]
        yield* here.set(2)
        yield* Effect.sleep("20 seconds")
        yield* there.set(3)
        yield* until(third, 3)
        yield* network.heal
        yield* until(here, 3)
        assert.deepStrictEqual(
          told.map(({ lost, won }) => [lost.value, lost.by.name, won.value, won.by.name]),
          [[2, "a", 3, "b"]],
        )
        assert.deepStrictEqual(others, [])
        assert.strictEqual((yield* metricsOf("a"))["value_conflicts_total"], 1)
      }),
  )

  World.simulated("keeps its last readable value, and passes on a write that this node cannot read", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const { lines, logger } = recordLog()
      const here = yield* Effect.provide(openOn(a), logger)
      const newer = { value: Schema.Union([Schema.Finite, Schema.String]), initial: 0 }
      const openNewer = (node: World.Node) =>
        Effect.provideService(SharedValue.make("level", newer), Cluster, node.cluster)
      const there = yield* openNewer(b)
      yield* there.set(1)
      yield* until(here, 1)
      yield* there.set("text")
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* here.get, 1)
      assert.strictEqual((yield* metricsOf("a"))["value_undecodable_total"], 1)
      assert.lengthOf(lines, 1)
      assert.match(
        lines[0] ?? "",
        /^state: the newest write of the value "level" by "b" does not match the schema of this node, which continues/,
      )
      yield* b.crash
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* until(yield* openNewer(c), "text")
      yield* here.set(2)
      yield* until(here, 2)
    }),
  )

  World.simulated("written by a clock that is ahead is accepted, counted and logged", (world) =>
    Effect.gen(function* () {
      const { lines, logger } = recordLog()
      const a = yield* world.node("a", {}, World.clockBack("1 hour"))
      const b = yield* world.node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      const here = yield* openOn(a).pipe(Effect.provide(World.clockBack("1 hour")), Effect.provide(logger))
      const there = yield* openOn(b)
      yield* there.set(1)
      yield* until(here, 1)
      yield* here.set(2)
      yield* until(there, 2)
      assert.strictEqual((yield* metricsOf("a"))["value_ahead_total"], 1)
      assert.strictEqual((yield* metricsOf("b"))["value_ahead_total"], 0)
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("ahead")),
        [
          'state: the write of the value "level" by "b" has a stamp 3600 s ahead of the clock of this node. A write that ' +
            "has not seen it loses until then. Synchronize the clocks",
        ],
      )
    }),
  )

  World.simulated("that is one too many is ignored, counted and logged", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const { lines, logger } = recordLog()
      const here = yield* Effect.provide(openOn(a, "level", { values: 1 }), logger)
      const there = yield* openOn(b)
      yield* there.set(1)
      yield* until(here, 1)
      const another = yield* openOn(b, "another")
      yield* another.set(2)
      yield* Effect.sleep("1 second")
      assert.strictEqual((yield* metricsOf("a"))["value_refused_total"], 1)
      assert.deepStrictEqual(lines, ['state: the value "another" is ignored, because this node keeps 1 others'])
    }),
  )

  World.simulated("is never larger than what this node could publish", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* SharedValue.make("level", { value: Schema.String, initial: "" }).pipe(
        Effect.provideService(Cluster, a.cluster),
      )
      // A peer with larger bounds, or a broken one.
      const raw = yield* openRaw(b, Write)
      const write = (wall: number, bytes: number): Write => ({
        stamp: { wall, count: 0, by: { name: "b", generation: 1 } },
        after: undefined,
        value: new TextEncoder().encode(JSON.stringify("x".repeat(bytes - 2))),
      })
      yield* raw.set("level", write(1, 16 * 1024 + 1))
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* here.get, "")
      assert.strictEqual((yield* metricsOf("a"))["values"], 0)
      yield* raw.set("level", write(2, 16 * 1024))
      yield* Effect.timeout(until(here, "x".repeat(16 * 1024 - 2)), "1 minute")
    }),
  )

  World.simulated("is not harmed by a peer that publishes writes that are none", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const value = yield* openOn(a)
      const letters = yield* collect((yield* a.cluster.lane("coterie.state/coterie.values")).deadLetters)
      const hostile = yield* openRaw(b, Schema.Unknown)
      const stamp = { wall: 1, count: 0, by: { name: "b", generation: 1 } }
      const write = { stamp, after: null, value: "NQ==" }
      for (const [key, entry] of [
        ["level", { ...write, value: 5 }],
        ["level", { ...write, after: stamp }],
        ["level", { ...write, stamp: { ...stamp, wall: -1 } }],
        ["level", { ...write, stamp: { ...stamp, wall: 2 ** 48 } }],
        ["level", { ...write, stamp: { ...stamp, count: 65_536 } }],
        ["level", { ...write, stamp: { ...stamp, by: { name: "x".repeat(200), generation: 1 } } }],
        ["level", { ...write, stamp: { ...stamp, by: { name: "x\ny", generation: 1 } } }],
        ["a\nb", write],
        ["", write],
        ["n".repeat(101), write],
      ] as const) {
        yield* hostile.setAll([[key, entry]])
        yield* Effect.sleep("100 millis")
      }
      assert.lengthOf(letters, 10)
      assert.strictEqual(yield* value.get, 0)
      yield* hostile.setAll([["level", write]])
      yield* until(value, 5)
      const greatest = { wall: 2 ** 48 - 1, count: 65_535, by: { name: "b", generation: 1 } }
      yield* hostile.setAll([["level", { stamp: greatest, after: null, value: "Ng==" }]])
      yield* until(value, 6)
      assert.strictEqual(yield* reasonOf(value.set(7)), "Exhausted")
      assert.strictEqual(yield* value.get, 6)
    }),
  )

  World.simulated("rejects what does not encode or fit, and changes nothing", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const limits = { values: 1, entryBytes: 10 }
      const value = yield* openOn(a, "level", limits)
      const second = yield* openOn(a, "second", limits)
      yield* value.set(1)
      assert.strictEqual(yield* reasonOf(value.set(Number.NaN)), "NotEncodable")
      assert.strictEqual(yield* reasonOf(value.set(1.23456789012)), "EntryTooLarge")
      assert.strictEqual(yield* reasonOf(second.set(1)), "Full")
      assert.strictEqual(yield* value.get, 1)
      assert.strictEqual(yield* second.get, 0)
      yield* a.stop
      assert.strictEqual(yield* reasonOf(value.set(2)), "Closed")
      assert.strictEqual(yield* value.get, 1)
    }),
  )

  it.live("rejects every write from the moment at which `leave` completes", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const a = yield* node("a")
      const value = yield* openOn(a)
      yield* value.set(1)
      yield* a.cluster.leave
      assert.strictEqual(yield* reasonOf(value.set(2)), "Closed")
      assert.strictEqual(yield* value.get, 1)
    }).pipe(Effect.scoped),
  )

  World.simulated("is opened once for each name, with valid options, and closes with its scope", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const scope = yield* Scope.make()
      const value = yield* Scope.provide(openOn(a), scope)
      const again = yield* Effect.flip(Effect.scoped(openOn(a)))
      assert.match(again.message, /option "name": the value "level" is already open on this node/)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* reasonOf(value.set(1)), "Closed")
      assert.deepStrictEqual(yield* Stream.runCollect(value.values), [0])
      assert.notProperty(yield* metricsOf("a"), "values")
      const next = yield* Scope.make()
      yield* Scope.provide(openOn(a), next)
      // The map of the values of a node opens again only after it has closed.
      yield* Effect.all([Scope.close(next, Exit.void), openOn(a, "another")], { concurrency: 2 })
      yield* openOn(a)
      for (const name of ["", "a\nb", "\ud800", "n".repeat(101)])
        assert.strictEqual((yield* Effect.flip(openOn(a, name))).option, "name")
      assert.strictEqual((yield* Effect.flip(openOn(b, "x", { values: 0 }))).option, "limits.values")
      assert.strictEqual((yield* Effect.flip(openOn(b, "x", { entryBytes: 1.5 }))).option, "limits.entryBytes")
      yield* Effect.provideService(
        OwnedMap.make("values", { key: Schema.String, value: Schema.Finite }),
        Cluster,
        a.cluster,
      )
    }),
  )

  class Level extends Context.Service<Level, Value>()("test/Level") {}

  World.simulated("is shared by the users of a layer, and a write right before its end is not lost", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const there = yield* openOn(b)
      const layer = SharedValue.layer(Level, "level", options).pipe(Layer.provide(Layer.succeed(Cluster, a.cluster)))
      yield* Effect.provide(
        Effect.flatMap(Level, (level) => level.set(5)),
        layer,
      )
      yield* until(there, 5)
      assert.strictEqual((yield* metricsOf("b"))["values"], 1)
    }),
  )

  World.simulated("costs no message while nothing changes", (world) =>
    Effect.gen(function* () {
      const {
        values: [here, , third],
      } = yield* three(world)
      yield* here.set(1)
      yield* until(third, 1)
      yield* Effect.sleep("1 second")
      const before = yield* messagesSent
      assert.isAbove(before, 0)
      yield* Effect.sleep("30 seconds")
      assert.strictEqual(yield* messagesSent, before)
    }),
  )
})
