/** Maps of nodes whose `limits.messageBytes` is small. */
import { Cluster } from "@coterie/core/Cluster"
import * as Group from "@coterie/state/Group"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as Presence from "@coterie/state/Presence"
import * as SharedValue from "@coterie/state/SharedValue"
import type { StateError } from "@coterie/state/StateError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as World from "../../core/test/cluster/world.ts"
import { defaults, Overrides } from "../src/internal/Overrides.ts"
import { Cursors } from "../src/internal/replication/Cursors.ts"
import { recordLog } from "./recordLog.ts"

const messageBytes = 20_000
const value = Schema.String

const open = (node: World.Node, limits: Partial<OwnedMap.Limits> = {}) =>
  Effect.provideService(OwnedMap.make("files", { key: Schema.String, value, limits }), Cluster, node.cluster)

const openGroup = (node: World.Node, name: string) =>
  Effect.provideService(Group.make(name, { value }), Cluster, node.cluster)

const openValue = (node: World.Node, name: string) =>
  Effect.provideService(SharedValue.make(name, { value, initial: "" }), Cluster, node.cluster)

/** Two nodes with a link and these bounds of their messages. */
const pair = Effect.fnUntraced(function* ({ node }: World.World, ofA = messageBytes, ofB = messageBytes) {
  // Frames of 4 KiB, so that a message of a kilobyte more is a message of several frames.
  const limits = { laneWindowBytes: 8 * 1024 }
  const a = yield* node("a", { limits: { ...limits, messageBytes: ofA } })
  const b = yield* node("b", { seeds: [a.address], limits: { ...limits, messageBytes: ofB } })
  yield* World.untilPeers(a, ["b"])
  yield* World.untilPeers(b, ["a"])
  return { a, b, events: yield* World.collect(a) }
})

/** Polls until an effect returns the value. The test fails by its time limit if it never does. */
const until = <A>(read: Effect.Effect<A>, expected: A) =>
  Effect.gen(function* () {
    while (JSON.stringify(yield* read) !== JSON.stringify(expected)) yield* Effect.sleep("10 millis")
  }).pipe(Effect.timeout("1 minute"))

/** Returns the entries of another node, each with the length of its value. */
const copiesOf = (map: OwnedMap.OwnedMap<string, string>, owner: string) =>
  Effect.map(map.view, ({ entries }) =>
    entries.flatMap((entry) => (entry.owner.name === owner ? [`${entry.key} ${entry.value.length}`] : [])).sort(),
  )

const failure = <A, R>(change: Effect.Effect<A, StateError, R>) =>
  Effect.map(Effect.flip(change), ({ message, reason }) => {
    if (reason._tag !== "EntryTooLarge") return assert.fail(message)
    return { bound: reason.bound, limit: reason.limit, message }
  })

describe("an entry that no message of this node can have", () => {
  World.simulated("is rejected, and the largest entry that is not rejected arrives", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* pair(world)
      const here = yield* open(a)
      const there = yield* open(b)
      const { bound, limit, message } = yield* failure(there.set("big", "x".repeat(messageBytes)))
      assert.strictEqual(bound, "limits.messageBytes")
      assert.match(message, /the entry "big" has 20005 bytes, and the option "limits\.messageBytes" of the cluster/)
      assert.isAbove(limit, messageBytes - 100)
      assert.strictEqual(
        (yield* failure(there.update("none", () => "").pipe(Effect.andThen(there.set("x", "y".repeat(limit - 2))))))
          .limit,
        limit,
      )
      yield* there.set("x", "1")
      yield* there.set("x", "2".repeat(limit - 3))
      yield* until(copiesOf(here, "b"), [`x ${limit - 3}`])
      yield* there.set("x", "3")
      yield* until(copiesOf(here, "b"), ["x 1"])
    }),
  )

  World.simulated("is rejected with `limits.entryBytes` if that is the smaller bound", (world) =>
    Effect.gen(function* () {
      const { a } = yield* pair(world)
      const map = yield* open(a, { entryBytes: 100 })
      const { bound, limit } = yield* failure(map.set("k", "x".repeat(messageBytes)))
      assert.deepStrictEqual([bound, limit], ["limits.entryBytes", 100])
    }),
  )

  World.simulated("is rejected for a presence", (world) =>
    Effect.gen(function* () {
      const { a } = yield* pair(world)
      const users = yield* Effect.provideService(Presence.make("users", { value }), Cluster, a.cluster)
      assert.strictEqual((yield* failure(users.track("ann", "x".repeat(messageBytes)))).bound, "limits.messageBytes")
    }),
  )

  World.simulated("is rejected for a group, and the other groups replicate", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* pair(world)
      const here = yield* openGroup(a, "two")
      const [one, two] = [yield* openGroup(b, "one"), yield* openGroup(b, "two")]
      const { bound, message } = yield* failure(one.join("x".repeat(messageBytes - 1_000)))
      assert.strictEqual(bound, "limits.messageBytes")
      assert.match(message, /^group "one": /)
      yield* two.join("small")
      yield* until(
        Effect.map(here.view, ({ members }) => members.map((member) => member.value)),
        ["small"],
      )
    }),
  )

  World.simulated("is rejected for a shared value, which keeps its value, and the other values replicate", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* pair(world)
      const [here, other] = [yield* openValue(a, "one"), yield* openValue(a, "two")]
      const [one, two] = [yield* openValue(b, "one"), yield* openValue(b, "two")]
      yield* one.set("1")
      const { bound, limit } = yield* failure(one.set("x".repeat(15_500)))
      assert.strictEqual(bound, "limits.messageBytes")
      assert.strictEqual(yield* one.get, "1")
      yield* two.set("2")
      yield* until(other.get, "2")
      yield* one.set("x".repeat(limit - 2))
      yield* until(
        Effect.map(here.get, ({ length }) => length),
        limit - 2,
      )
    }),
  )
})

World.simulated("parts are no larger than a message, whatever `limits.partBytes` is", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world)
    const there = yield* open(b, { partBytes: 64 * 1024 })
    yield* there.setAll(Array.from({ length: 500 }, (_, i) => [`k${i}`, "v".repeat(60)] as const))
    const here = yield* open(a)
    yield* until(
      Effect.map(copiesOf(here, "b"), ({ length }) => length),
      500,
    )
  }),
)

World.simulated("a node whose messages are too small for shared state does not open a map", (world) =>
  Effect.gen(function* () {
    const { a } = yield* pair(world, 4_095)
    const { message } = yield* Effect.flip(open(a))
    assert.match(message, /^option "limits\.messageBytes": .* at least 4096 bytes/)
  }),
)

World.simulated(
  "a reader with smaller messages lacks the entries that they cannot have, and gets all others",
  (world) => {
    const { lines, logger } = recordLog()
    return Effect.gen(function* () {
      const { a, b, events } = yield* pair(world, 6_000, messageBytes)
      const there = yield* open(b, { partBytes: messageBytes })
      const here = yield* open(a)
      yield* there.set("big", "x".repeat(1_000))
      yield* until(copiesOf(here, "b"), ["big 1000"])
      // An old value would be wrong.
      yield* there.set("big", "x".repeat(10_000))
      yield* there.set("small", "1")
      yield* until(copiesOf(here, "b"), ["small 1"])
      yield* there.setAll([
        ["big", "x".repeat(12_000)],
        ...Array.from({ length: 20 }, (_, i) => [`k${i}`, "v".repeat(1_000)] as const),
      ])
      yield* until(
        Effect.map(copiesOf(here, "b"), ({ length }) => length),
        20,
      )
      yield* there.set("big", "x")
      yield* until(
        Effect.map(copiesOf(here, "b"), (all) => all[0]),
        "big 1",
      )
      assert.strictEqual((yield* here.owners).get("b")?.state, "live")
      // A copy of the whole map, too.
      yield* there.set("big", "x".repeat(12_000))
      assert.deepStrictEqual(
        events.filter(({ _tag }) => _tag === "Unreachable"),
        [],
      )
      yield* b.sever
      yield* until(
        Effect.map(here.owners, (owners) => owners.get("b")?.state),
        "live",
      )
      yield* there.set("last", "1")
      yield* until(
        Effect.map(copiesOf(here, "b"), (all) => all.includes("last 1") && !all.some((text) => text.startsWith("big"))),
        true,
      )
      assert.lengthOf(lines, 1)
      assert.match(
        lines.join(),
        /large entries of the map "files" do not reach "a", which allows messages of 6000 bytes: "big" has 10005 bytes/,
      )
    }).pipe(Effect.provide(logger))
  },
)

World.simulated(
  "a reader gets the changes after parts that could not be sent, and the owner shows that it lacks them",
  (world) => {
    const { lines, logger } = recordLog()
    // A defect: the parts are larger than a message.
    const makeCursors: Overrides["makeCursors"] = (options) => new Cursors({ ...options, partBytes: 4 * messageBytes })
    return Effect.gen(function* () {
      const { a, b } = yield* pair(world, 8 * messageBytes)
      const there = yield* Effect.provideService(open(b), Overrides, { ...defaults, makeCursors })
      const here = yield* open(a)
      yield* there.set("x", "1")
      yield* until(copiesOf(here, "b"), ["x 1"])
      yield* there.setAll(Array.from({ length: 500 }, (_, i) => [`k${i}`, "v".repeat(60)] as const))
      yield* Effect.sleep("30 seconds")
      assert.deepStrictEqual(yield* copiesOf(here, "b"), ["x 1"])
      const [shown] = yield* b.cluster.components.describe
      assert.strictEqual(shown?.facts["behind"], 1)
      assert.lengthOf(lines, 1)
      assert.match(lines.join(), /the entries of the map "files" do not reach "a": .*limits\.messageBytes/)
      yield* there.setAll([["y", "1"]])
      yield* until(copiesOf(here, "b"), ["y 1"])
    }).pipe(Effect.provide(logger))
  },
)
