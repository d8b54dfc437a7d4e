/**
 * Two processes with one name and one generation: two starts in the same millisecond, or a machine that was cloned or
 * restored (docs/protocol.md, section "Identity"). One of them stops with its reason, and the other members see one
 * peer.
 */
import * as Entropy from "@coterie/core/Entropy"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** Number of shared draws: at least as many as a node makes at its start. */
const draws = 16

/** Returns the policies of a process that is cloned after its start. The copies draw the same numbers until then. */
const cloned = (seed: number) => {
  let drawn = 0
  const u32 = () => (++drawn <= draws ? Math.imul(drawn, 0x9e3779b1) >>> 0 : Math.imul(seed + drawn, 0x85ebca6b) >>> 0)
  return Layer.merge(World.quick, Layer.succeed(Entropy.Entropy, { u32 }))
}

const kinds = [
  ["that started in the same millisecond", () => undefined],
  ["with copied memory", cloned],
] as const

describe.each(kinds)("of two processes %s", (_, policiesOf) => {
  for (const others of [1, 2, 4]) {
    World.simulated(`one stops, and ${others} others see the other one: ${policiesOf.name}`, ({ node }) =>
      Effect.gen(function* () {
        const names = ["b", "c", "x", "y"].slice(0, others)
        const first = yield* node("b")
        const nodes = [first]
        for (const name of names.slice(1)) nodes.push(yield* node(name, { seeds: [first.address] }))
        for (const each of nodes)
          yield* World.untilPeers(
            each,
            names.filter((name) => each !== nodes[names.indexOf(name)]),
          )
        const twins = yield* Effect.forEach([1, 2], (i) =>
          node(`m${i}`, { name: "m", seeds: [first.address] }, policiesOf(i)),
        )
        const stopped = yield* Effect.forEach(twins, (twin, i) =>
          Effect.forkChild(
            Effect.as(
              World.untilEvent(twin, ({ _tag }) => _tag === "Superseded"),
              i,
            ),
            { startImmediately: true },
          ),
        )
        const loser = yield* Effect.timeout(Effect.raceAll(stopped.map(Fiber.join)), "10 seconds")
        const winner = twins[1 - loser]
        if (winner === undefined) return assert.fail("there are two processes")
        yield* World.untilPeers(winner, names)
        // Longer than the detection of a failed peer.
        yield* Effect.sleep("30 seconds")
        for (const each of nodes)
          yield* World.untilPeers(each, [...names.filter((name) => each !== nodes[names.indexOf(name)]), "m"])
        assert.strictEqual((yield* winner.cluster.view).peers.size, names.length)
      }),
    )
  }
})

describe("a node that takes a greater instance between two handshakes", () => {
  for (const crossing of ["before", "after"] as const) {
    World.simulated(
      `keeps the connection that showed it, if the other comes up ${crossing} that one`,
      ({ node }, network) =>
        Effect.gen(function* () {
          const a = yield* node("a")
          /** Links a peer that mistakes the node for a copy, and loses the link. */
          const mistake = (epoch: number) =>
            Effect.gen(function* () {
              const peer = yield* RawPeer.connect(network, a)
              yield* peer.completeHandshake({ name: "n", linkEpoch: 2 ** 31 + epoch })
              yield* World.until(a, ({ peers }) => peers.get("n")?.link === "up")
              yield* peer.send({ _tag: "Bye", code: "duplicate", message: "" })
              yield* peer.receiveAll
            })
          const ready = { _tag: "Ready", incarnation: 0, viewHash: 0n } as const
          const [first, second] = [yield* RawPeer.connect(network, a), yield* RawPeer.connect(network, a)]
          // The epoch of the first connection is greater. The instance counts before it.
          yield* first.send(RawPeer.hello({ linkEpoch: 2 ** 30 }))
          const { instance: before } = yield* first.receiveFrame("HelloAck")
          yield* mistake(1)
          yield* mistake(2)
          yield* second.send(RawPeer.hello({ linkEpoch: 1 }))
          const { instance: after } = yield* second.receiveFrame("HelloAck")
          assert.isAbove(after, before)
          const inOrder = crossing === "before" ? [first, second] : [second, first]
          for (const peer of inOrder) {
            yield* peer.send(ready)
            yield* peer.receiveFrame("Ready")
          }
          yield* second.keepAlive
          const { code } = yield* first.receiveFrame("Bye")
          assert.strictEqual(code, "duplicate")
          yield* first.end
          yield* first.receiveAll
          yield* World.until(a, ({ peers }) => peers.get("m")?.link === "up")
          yield* a.cluster.send("m", "fine")
          assert.strictEqual(yield* second.receiveText, "fine")
        }),
    )
  }
})

describe("a node without a copy", () => {
  World.simulated("never stops, even if its only link is cut repeatedly", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const events = [yield* World.collect(a), yield* World.collect(b)]
      for (let i = 0; i < 60; i++) {
        yield* (yield* Random.nextBoolean) ? a.sever : b.sever
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
      }
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      assert.isTrue(events.flat().every(({ _tag }) => _tag !== "Superseded" && _tag !== "Diagnostic"))
    }),
  )

  World.simulated("that a peer mistakes for a copy uses a greater instance and keeps its links", (world, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const instances: Array<number> = []
      for (let i = 0; i < 3; i++) {
        const peer = yield* RawPeer.connect(network, a)
        const { instance } = yield* peer.completeHandshake({ linkEpoch: 2 ** 31 + i })
        instances.push(instance)
        yield* World.until(a, ({ peers }) => peers.get("m")?.link === "up")
        yield* peer.send({ _tag: "Bye", code: "duplicate", message: "" })
        yield* peer.receiveAll
        yield* World.until(a, ({ peers }) => peers.get("m")?.link !== "up")
      }
      const [first = 0, second, third = 0] = instances
      assert.strictEqual(second, first)
      assert.isAbove(third, first)
      assert.strictEqual((yield* b.cluster.view).peers.get("a")?.link, "up")
      // The next handshake shows the new instance.
      yield* b.sever
      yield* World.until(b, ({ peers }) => peers.get("a")?.link !== "up")
      yield* World.until(b, ({ peers }) => peers.get("a")?.link === "up")
      yield* World.until(a, ({ peers }) => peers.get("b")?.link === "up")
    }),
  )
})
