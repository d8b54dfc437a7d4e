import { Cluster } from "@coterie/core/Cluster"
import * as Group from "@coterie/state/Group"
import * as OwnedMap from "@coterie/state/OwnedMap"
import type { StateError } from "@coterie/state/StateError"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import { recordLog } from "./recordLog.ts"

type Workers = Group.Group<string>

const openOn = (node: World.Node, name = "workers") =>
  Effect.provideService(Group.make(name, { value: Schema.String }), Cluster, node.cluster)

const texts = ({ members }: Group.View<string>): ReadonlyArray<string> =>
  members.map(({ peer, value, weight }) => `${peer.name} ${value} ${weight}`)

/** Waits until a group has these members. */
const untilMembers = (group: Workers, expected: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    while (texts(yield* group.view).join() !== expected.join()) yield* Effect.sleep("5 millis")
  })

/** A scope that a test closes. */
const makeScope = Effect.map(Scope.make(), (scope) => ({ scope, close: Scope.close(scope, Exit.void) }))

const reasonOf = <A, R>(effect: Effect.Effect<A, StateError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => `${reason._tag}: ${reason.message}`)

describe("a group", () => {
  World.simulated("has the members of all nodes, ordered by their nodes and joins", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [here, there] = [yield* openOn(a), yield* openOn(b)]
      yield* there.join("x")
      yield* here.join("y", { weight: 3 })
      yield* here.join("z")
      assert.deepStrictEqual(texts(yield* here.view), ["a y 3", "a z 1"])
      yield* untilMembers(here, ["a y 3", "a z 1", "b x 1"])
      yield* untilMembers(there, ["a y 3", "a z 1", "b x 1"])
      yield* there.synced
      const { isSynced, members } = yield* there.view
      assert.isTrue(isSynced)
      assert.deepStrictEqual(
        members.map(({ link, peer, ref, status }) => [peer.name, ref, status, link]),
        [
          ["a", 0, "alive", "up"],
          ["a", 1, "alive", "up"],
          ["b", 0, "alive", "up"],
        ],
      )
      const { generation } = yield* a.cluster.self
      assert.strictEqual(members[0]?.peer.generation, generation)
    }),
  )

  World.simulated("keeps a member until its scope closes, and shows its changes", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [here, there] = [yield* openOn(a), yield* openOn(b)]
      const joined = yield* makeScope
      const entry = yield* Scope.provide(there.join("busy", { weight: 2 }), joined.scope)
      yield* untilMembers(here, ["b busy 2"])
      yield* entry.set("free")
      yield* untilMembers(here, ["b free 2"])
      yield* joined.close
      assert.deepStrictEqual(texts(yield* there.view), [])
      yield* untilMembers(here, [])
      assert.match(yield* reasonOf(entry.set("late")), /^Closed/)
    }),
  )

  World.simulated("shares one map with all groups of a node, and mixes no members", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [workers, others] = [yield* openOn(a), yield* openOn(a, "0:workers")]
      const [again, there] = [yield* openOn(a), yield* openOn(b, "0:workers")]
      yield* workers.join("x")
      yield* there.join("y")
      yield* untilMembers(others, ["b y 1"])
      assert.deepStrictEqual(texts(yield* again.view), ["a x 1"])
      assert.deepStrictEqual(texts(yield* workers.view), ["a x 1"])
    }),
  )

  World.simulated("closes the map with the last group, and opens it again", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* openOn(a)
      for (let life = 1; life <= 3; life++) {
        const [first, second] = [yield* makeScope, yield* makeScope]
        yield* Effect.all([Scope.provide(openOn(b), first.scope), Scope.provide(openOn(b, "others"), first.scope)], {
          concurrency: 2,
        })
        const there = yield* Scope.provide(openOn(b), second.scope)
        yield* first.close
        yield* Scope.provide(there.join(`life ${life}`), second.scope)
        yield* untilMembers(here, [`b life ${life} 1`])
        // The next life opens the map while it is being closed.
        yield* Effect.forkScoped(second.close)
      }
      yield* untilMembers(here, [])
    }),
  )

  World.simulated(
    "loses the members of a node that leaves or fails, and ends its views when this node leaves",
    (world) =>
      Effect.gen(function* () {
        const a = yield* world.node("a")
        const here = yield* openOn(a)
        for (const how of ["stop", "crash"] as const) {
          const b = yield* world.node(`b-${how}`, { seeds: [a.address] })
          yield* World.untilPeers(a, [`b-${how}`])
          yield* (yield* openOn(b)).join("x")
          yield* untilMembers(here, [`b-${how} x 1`])
          yield* b[how]
          yield* untilMembers(here, [])
        }
        yield* here.join("y")
        const views = yield* Effect.forkScoped(Stream.runCollect(here.views))
        yield* Effect.yieldNow
        yield* a.stop
        assert.deepStrictEqual((yield* Fiber.join(views)).map(texts).at(-1), [])
        assert.match(yield* reasonOf(here.join("z")), /^Closed/)
        assert.strictEqual((yield* Effect.flip(here.pick("random")))._tag, "NoMember")
      }),
  )

  World.simulated("shows the state of the link to a member, and picks it only while the link is up", (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const b = yield* world.node("b", { seeds: ["a"] })
      const c = yield* world.node("c", { seeds: ["a", "b"] })
      yield* World.untilPeers(a, ["b", "c"])
      const [here, there] = [yield* openOn(a), yield* openOn(b)]
      yield* openOn(c)
      yield* there.join("x")
      yield* untilMembers(here, ["b x 1"])
      assert.strictEqual((yield* here.pick({ key: "k" })).value, "x")
      yield* network.partition(["a"], ["b"])
      const untilLink = (link: string) =>
        Effect.gen(function* () {
          while ((yield* here.view).members[0]?.link !== link) yield* Effect.sleep("5 millis")
        })
      yield* untilLink("indirect")
      assert.strictEqual(
        (yield* Effect.flip(here.pick({ key: "k" }))).message,
        'this node reaches no member of the group "workers"',
      )
      yield* network.heal
      yield* untilLink("up")
      assert.strictEqual((yield* here.pick("roundRobin")).value, "x")
    }),
  )

  World.simulated("waits with a pick until it has the members of all nodes", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const there = yield* openOn(b)
      yield* there.join("x")
      const here = yield* openOn(a)
      assert.isFalse((yield* here.view).isSynced)
      assert.strictEqual((yield* here.pick("random")).value, "x")
    }),
  )

  World.simulated(
    "prefers a member of this node if asked to, and gives equal keys to equal members everywhere",
    (world) =>
      Effect.gen(function* () {
        const { a, b } = yield* World.pair(world)
        const [here, there] = [yield* openOn(a), yield* openOn(b)]
        yield* there.join("x")
        assert.strictEqual((yield* here.pick("local")).value, "x")
        yield* here.join("y")
        yield* untilMembers(here, ["a y 1", "b x 1"])
        yield* untilMembers(there, ["a y 1", "b x 1"])
        for (let i = 0; i < 20; i++) {
          assert.strictEqual((yield* here.pick("local")).value, "y")
          assert.deepStrictEqual((yield* here.pick({ key: `k${i}` })).peer, (yield* there.pick({ key: `k${i}` })).peer)
        }
        const turns = yield* Effect.all([here.pick("roundRobin"), here.pick("roundRobin")])
        assert.deepStrictEqual(turns.map(({ value }) => value).sort(), ["x", "y"])
      }),
  )

  World.simulated("refuses names, weights and values that it cannot use", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      assert.strictEqual((yield* Effect.flip(openOn(a, ""))).option, "name")
      assert.strictEqual((yield* Effect.flip(openOn(a, "é".repeat(51)))).option, "name")
      assert.strictEqual((yield* Effect.flip(openOn(a, "a\nb"))).option, "name")
      const group = yield* openOn(a, "é".repeat(50))
      for (const weight of [0, -1, Number.NaN, Infinity, 1_000_001]) {
        assert.match(
          yield* reasonOf(group.join("x", { weight })),
          /^NotEncodable: a weight is above 0 and at most 1,000,000/,
        )
      }
      const counts = yield* Effect.provideService(Group.make("counts", { value: Schema.Int }), Cluster, a.cluster)
      assert.match(yield* reasonOf(counts.join(0.5)), /^NotEncodable: the value does not match its schema/)
      assert.deepStrictEqual((yield* group.view).members, [])
    }),
  )

  World.simulated("refuses more than 10,000 joins of a node in all groups", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const [group, other] = [yield* openOn(a), yield* openOn(a, "others")]
      for (let i = 0; i < 9_999; i++) {
        yield* group.join("x")
        if (i % 500 === 0) yield* Effect.sleep("1 milli")
      }
      yield* other.join("y")
      assert.match(
        yield* reasonOf(other.join("z")),
        /^Full: this node may have 10000 joins, in all groups\. End another join first$/,
      )
      assert.lengthOf((yield* group.view).members, 9_999)
    }),
  )

  World.simulated("refuses joins of a node with more than 32 MiB in all groups", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const group = yield* openOn(a)
      const value = "x".repeat(40_000)
      // The value of a join is Base64 in the map.
      const most = Math.ceil((32 * 2 ** 20) / (value.length * (4 / 3)))
      assert.match(
        yield* reasonOf(Effect.replicateEffect(group.join(value), most, { discard: true })),
        /^Full: the joins of this node may have 33554432 bytes, in all groups\. Use smaller values, or end another join first$/,
      )
      yield* group.join("small")
    }),
  )

  World.simulated("hides a member whose value does not match the schema, and says so once in the log", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const { lines, logger } = recordLog()
      const here = yield* Effect.provide(
        Effect.provideService(Group.make("workers", { value: Schema.Int }), Cluster, a.cluster),
        logger,
      )
      const there = yield* openOn(b)
      const first = yield* there.join("not a number")
      yield* there.join("nor this")
      yield* Effect.provideService(Group.make("workers", { value: Schema.Int }), Cluster, b.cluster).pipe(
        Effect.flatMap((group) => group.join(5)),
      )
      while ((yield* here.view).members.length === 0) yield* Effect.sleep("5 millis")
      yield* first.set("still not")
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(
        (yield* here.view).members.map(({ value }) => value),
        [5],
      )
      assert.lengthOf(lines, 1)
      assert.match(lines[0] ?? "", /^state: a member of the group "workers" on "b" is not shown: /)
    }),
  )

  World.simulated("has a budget of lines about the lives of a peer whose values do not match the schema", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const { lines, logger } = recordLog()
      const here = yield* Effect.provide(
        Effect.provideService(Group.make("workers", { value: Schema.Int }), Cluster, a.cluster),
        logger,
      )
      const life = Effect.gen(function* () {
        const b = yield* world.node("b", { seeds: [a.address] })
        yield* (yield* openOn(b)).join("not a number")
        yield* World.untilPeers(b, ["a"])
        // The view shows what has arrived, and the log what the view does not show.
        yield* Effect.sleep("400 millis")
        yield* here.view
        yield* Effect.sleep("100 millis")
      })
      const written = 10
      yield* Effect.repeat(Effect.scoped(life), { times: written + 4 })
      assert.lengthOf(lines, written)
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(lines.slice(written), ['omitted log lines of the kind "undecodable members of groups": 5'])
    }),
  )

  World.simulated("logs one short line about a value of a peer, whatever the value", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const { lines, logger } = recordLog()
      const open = <A>(node: World.Node, value: Schema.Codec<A, unknown>) =>
        Effect.provideService(Group.make("workers", { value }), Cluster, node.cluster)
      const here = yield* Effect.provide(open(a, Schema.Record(Schema.String, Schema.Int)), logger)
      const there = yield* open(b, Schema.Record(Schema.String, Schema.String))
      yield* there.join({ ["k".repeat(10_000)]: "x" })
      const { members } = yield* Effect.andThen(Effect.sleep("1 second"), here.view)
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(members, [])
      assert.lengthOf(lines, 1)
      assert.match(lines[0] ?? "", /^state: a member of the group "workers" on "b" is not shown: .{512}$/)
    }),
  )

  World.simulated("has its map to itself: an application may have a map with the name of a group", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      yield* openOn(a, "jobs")
      const schemas = { key: Schema.String, value: Schema.String }
      yield* Effect.provideService(OwnedMap.make("jobs", schemas), Cluster, a.cluster)
      yield* Effect.provideService(OwnedMap.make("groups", schemas), Cluster, a.cluster)
    }),
  )

  it.effect("is a service with its layer", () => {
    class Members extends Context.Service<Members, Workers>()("test/Members") {}
    const layer: Layer.Layer<Members, unknown, Cluster> = Group.layer(Members, "workers", { value: Schema.String })
    assert.isTrue(Layer.isLayer(layer))
    return Effect.void
  })
})
