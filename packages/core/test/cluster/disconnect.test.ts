/** `disconnect` when its Bye is lost, and when another peer answers at the address (docs/protocol.md, "Parting"). */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { addressOf } from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

scenario("a peer that did not receive the Bye of a disconnect receives it at its next dial", (world, network) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    yield* network.partition(["a"], ["b"])
    yield* a.cluster.disconnect("b")
    yield* World.until(b, ({ peers }) => peers.get("a")?.link !== "up")
    const events = yield* World.collect(b)
    yield* network.heal
    yield* World.until(b, ({ peers }) => peers.size === 0)
    yield* Effect.sleep("5 seconds")
    const dialed = [a.dialed.length, b.dialed.length]
    yield* Effect.sleep("2 minutes")
    assert.deepStrictEqual([a.dialed.length, b.dialed.length], dialed)
    assert.deepStrictEqual(yield* a.cluster.peers, [])
    assert.deepStrictEqual(yield* b.cluster.peers, [])
    assert.strictEqual(events.at(-1)?._tag, "Disconnected")
    yield* b.cluster.join(a.address)
    yield* World.untilPeers(a, ["b"])
    yield* World.untilPeers(b, ["a"])
  }),
)

scenario(
  "a peer that has disconnected this node, at the address of a lost peer, does not remove that peer",
  ({ node }, network) =>
    Effect.gen(function* () {
      let target = "b"
      const { node: nodeViaName } = World.redirected(network, "b:24868", () => addressOf(`${target}:24868`))
      const x = yield* node("x")
      const b = yield* node("b")
      const a = yield* nodeViaName("a", { seeds: [x.address, b.address] })
      yield* World.untilPeers(a, ["b", "x"])
      yield* x.cluster.disconnect("a")
      yield* World.untilPeers(a, ["b"])
      // The address of `b` leads to `x`, as an address does that the network has given to another process.
      target = "x"
      yield* network.partition(["a"], ["b"])
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      const before = a.dialed.length
      yield* Effect.sleep("5 seconds")
      assert.isAbove(a.dialed.length, before, "`a` dials the address of `b` again and again")
      target = "b"
      yield* network.heal
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a", "x"])
    }),
)
