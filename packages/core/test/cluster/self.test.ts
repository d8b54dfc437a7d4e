/** The description of a node by itself, and its round-trip times. */
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as Limits from "@coterie/core/Limits"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { clockBack, collect, pair, simulated, until, untilPeers } from "./world.ts"

simulated("a view has this node as a member, with its latest metadata", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world)
    const events = yield* collect(a)
    yield* a.cluster.updateMetadata({ role: "web" })
    const view = yield* a.cluster.view
    assert.deepInclude(view.self, { name: "a", metadata: { role: "web" }, status: "alive", link: "up" })
    assert.deepStrictEqual(
      ClusterEvent.members(view).map(({ name }) => name),
      ["a", "b"],
    )
    const { addresses, generation, metadata } = yield* a.cluster.self
    assert.deepInclude(view.self, { addresses, generation, metadata })
    const seen = yield* until(b, ({ peers }) => peers.get("a")?.metadata["role"] === "web")
    assert.deepStrictEqual(seen.peers.get("a"), view.self)
    assert.deepStrictEqual(
      events.map(({ _tag }) => _tag),
      ["Snapshot", "SelfChanged"],
    )
  }),
)

simulated("a node that rises to a higher generation reports it to its application", (world) =>
  Effect.gen(function* () {
    // The generation of a node is the time of its wall clock at the start.
    yield* Effect.sleep("2 seconds")
    const a = yield* world.node("a")
    const first = yield* world.node("b", { seeds: [a.address] })
    yield* untilPeers(a, ["b"])
    const { generation } = yield* first.cluster.self
    yield* first.crash
    yield* until(a, ({ peers }) => peers.size === 0)
    const again = yield* world.node("b", { seeds: [a.address] }, clockBack("1 seconds"))
    const before = (yield* again.cluster.view).self.generation
    const events = yield* collect(again)
    yield* untilPeers(again, ["a"])
    const view = yield* again.cluster.view
    assert.isBelow(before, generation)
    assert.isAbove(view.self.generation, generation)
    assert.strictEqual((yield* again.cluster.self).generation, view.self.generation)
    assert.deepStrictEqual(
      events.flatMap((event) => (event._tag === "SelfChanged" ? [event.self] : [])),
      [view.self],
    )
  }),
)

simulated("a view marks its node as isolated until it is connected again", (world, network) =>
  Effect.gen(function* () {
    const { a } = yield* pair(world)
    assert.isFalse((yield* a.cluster.view).isolated)
    yield* network.partition(["a"], ["b"])
    yield* until(a, ({ isolated }) => isolated)
    const [snapshot] = yield* collect(a)
    assert.isTrue(snapshot?._tag === "Snapshot" && snapshot.view.isolated)
    yield* network.heal
    const view = yield* untilPeers(a, ["b"])
    assert.isFalse(view.isolated)
  }),
)

simulated(
  "the round-trip time to a peer is known on both sides of a link, and unknown without one",
  (world, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* pair(world)
      for (const [node, peer] of [
        [a, "b"],
        [b, "a"],
      ] as const) {
        const rtt = Option.getOrThrow(yield* node.cluster.rtt(peer))
        assert.isAtLeast(Duration.toMillis(rtt), 40)
        assert.isAtMost(Duration.toMillis(rtt), 45)
      }
      assert.deepStrictEqual(yield* a.cluster.rtt("a"), Option.some(Duration.zero))
      assert.isTrue(Option.isNone(yield* a.cluster.rtt("nobody")))
      for (const name of ["a", "b"]) assert.isTrue(Option.isNone(yield* a.cluster.rtt({ name, generation: 99 })))
      assert.isTrue(Option.isSome(yield* a.cluster.rtt(yield* b.cluster.self)))
      const versions = (yield* a.cluster.view).version
      yield* Effect.sleep("1 minute")
      assert.strictEqual((yield* a.cluster.view).version, versions, "heartbeats change no view")
      yield* network.partition(["a"], ["b"])
      yield* until(a, ({ peers }) => peers.get("b")?.link !== "up")
      assert.isTrue(Option.isNone(yield* a.cluster.rtt("b")))
    }),
  { latency: "20 millis" },
)

simulated("a node shows its limits: the defaults, and those of its options in milliseconds", ({ node }) =>
  Effect.gen(function* () {
    const { cluster } = yield* node("a", { limits: { messageBytes: 5_000, linger: "2 seconds" } })
    assert.deepStrictEqual(cluster.limits, { ...Limits.defaults, messageBytes: 5_000, linger: 2_000 })
  }),
)
