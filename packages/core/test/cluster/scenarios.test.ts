/**
 * Basic scenarios, each over real sockets and over the simulated network.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as World from "./world.ts"

type Body = (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>

const scenarios: ReadonlyArray<readonly [title: string, body: Body]> = [
  [
    "a broadcast reaches peers that the sender never dialed",
    (world) =>
      Effect.gen(function* () {
        const { node } = world
        const a = yield* node("a")
        const b = yield* node("b")
        const c = yield* node("c")
        yield* b.cluster.join(a.address)
        yield* c.cluster.join(a.address)
        yield* World.untilPeers(a, ["b", "c"])
        yield* World.untilPeers(b, ["a", "c"])
        yield* World.untilPeers(c, ["a", "b"])
        const report = yield* a.cluster.broadcast("Hello, world!")
        assert.deepStrictEqual([...report.sent].sort(), ["b", "c"])
        assert.deepStrictEqual(report.failed, [])
        for (const each of [b, c]) {
          const [message] = yield* World.messages(each, 1)
          assert.strictEqual(message?.text, "Hello, world!")
          assert.strictEqual(message?.from.name, "a")
        }
      }),
  ],

  [
    "two nodes exchange bytes and text in order",
    (world) =>
      Effect.gen(function* () {
        const { a, b } = yield* World.pair(world)
        for (let i = 0; i < 50; i++) {
          yield* a.cluster.send("b", `to b ${i}`)
          yield* b.cluster.send("a", new Uint8Array([i]))
        }
        const atB = yield* World.messages(b, 50)
        const atA = yield* World.messages(a, 50)
        assert.deepStrictEqual(
          atB.map(({ text }) => text),
          Array.from({ length: 50 }, (_, i) => `to b ${i}`),
        )
        assert.deepStrictEqual(
          atA.map(({ payload }) => [...payload]),
          Array.from({ length: 50 }, (_, i) => [i]),
        )
      }),
  ],

  [
    "a crash is detected, and a restart under the same name recovers the peer",
    (world) =>
      Effect.gen(function* () {
        const { node } = world
        const { a, b } = yield* World.pair(world)
        const failed = yield* Effect.forkChild(
          World.untilEvent(a, (event) => event._tag === "Failed" && event.peer.name === "b"),
          { startImmediately: true },
        )
        const before = (yield* b.cluster.self).generation
        yield* b.crash
        yield* Fiber.join(failed)
        yield* World.until(a, ({ peers }) => peers.size === 0)
        const again = yield* node("b", { seeds: [a.address] })
        const view = yield* World.untilPeers(a, ["b"])
        assert.isAbove(view.peers.get("b")?.generation ?? 0, before)
        yield* World.untilPeers(again, ["a"])
      }),
  ],

  [
    "a lost connection between two live nodes is restored without an application",
    (world) =>
      Effect.gen(function* () {
        const { a, b } = yield* World.pair(world)
        const events = yield* World.collect(a)
        const back = yield* Effect.forkChild(
          World.untilEvent(a, (event) => event._tag === "Reachable"),
          { startImmediately: true },
        )
        yield* b.sever
        yield* Fiber.join(back)
        yield* World.untilPeers(b, ["a"])
        assert.isTrue(events.some((event) => event._tag === "Unreachable"))
        assert.isFalse(events.some((event) => event._tag === "Failed" || event._tag === "Left"))
        yield* a.cluster.send("b", "still there?")
        assert.strictEqual((yield* World.messages(b, 1))[0]?.text, "still there?")
      }),
  ],

  [
    "a graceful close leaves no members on either side, and no node redials",
    (world) =>
      Effect.gen(function* () {
        const { a, b } = yield* World.pair(world)
        const left = yield* Effect.forkChild(
          World.untilEvent(a, (event) => event._tag === "Left" && event.peer.name === "b"),
          { startImmediately: true },
        )
        const dialed = a.dialed.length
        yield* b.stop
        yield* Fiber.join(left)
        assert.deepStrictEqual(yield* a.cluster.peers, [])
        assert.strictEqual(
          yield* Effect.flip(a.cluster.send("b", "?")).pipe(Effect.map(({ reason }) => reason._tag)),
          "PeerLeft",
        )
        // Long enough for many dials with the policy of these tests.
        yield* Effect.sleep("600 millis")
        assert.strictEqual(a.dialed.length, dialed)
        const error = yield* Effect.flip(b.cluster.send("a", "?"))
        assert.strictEqual(error.reason._tag, "NodeStopped")
      }),
  ],

  [
    "a disconnect removes the two peers from each other's view, and no node redials until a join",
    (world) =>
      Effect.gen(function* () {
        const { node } = world
        const { a, b } = yield* World.pair(world)
        const c = yield* node("c", { seeds: [a.address] })
        yield* World.untilPeers(c, ["a", "b"])
        yield* World.untilPeers(a, ["b", "c"])
        yield* a.cluster.disconnect("b")
        yield* World.untilPeers(a, ["c"])
        yield* World.untilPeers(b, ["c"])
        yield* Effect.sleep("600 millis")
        assert.deepStrictEqual(
          (yield* a.cluster.peers).map(({ name }) => name),
          ["c"],
        )
        assert.deepStrictEqual(
          (yield* b.cluster.peers).map(({ name }) => name),
          ["c"],
        )
        yield* World.untilPeers(c, ["a", "b"])
        const peer = yield* a.cluster.join(b.address)
        assert.strictEqual(peer.name, "b")
        yield* World.untilPeers(a, ["b", "c"])
        yield* World.untilPeers(b, ["a", "c"])
      }),
  ],
]

describe("over TCP", () => {
  for (const [title, body] of scenarios) it.live(title, () => Effect.flatMap(World.tcp, body))
})

describe("over the simulated network", () => {
  for (const [title, body] of scenarios) {
    World.simulated(title, body, { latency: { min: "1 millis", max: "5 millis" }, split: true })
  }
})
