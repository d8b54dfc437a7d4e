/** The rate at which a node dials a peer again (docs/protocol.md R10 and the `Reconnect` policy). */
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import { assert, describe } from "@effect/vitest"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

describe("a failed peer", () => {
  scenario("is dialed by the whole cluster about once per reconnect interval", ({ node }) =>
    Effect.gen(function* () {
      const policies = Layer.merge(FailureDetector.layerLan, Reconnect.layer(Schedule.spaced("100 millis")))
      const names = Array.from({ length: 8 }, (_, i) => `n${i}`)
      const seed = yield* node("n0", {}, policies)
      const others = yield* Effect.forEach(names.slice(1), (name) => node(name, { seeds: [seed.address] }, policies))
      const nodes = [seed, ...others]
      for (const [i, each] of nodes.entries()) {
        yield* World.untilPeers(
          each,
          names.filter((_, other) => other !== i),
        )
      }
      const crashed = others[4] ?? assert.fail("there are eight nodes")
      const rest = nodes.filter((each) => each !== crashed)
      yield* crashed.crash
      for (const each of rest) yield* World.until(each, ({ peers }) => peers.size === 6)
      const attempts = (): number =>
        rest.reduce((sum, { dialed }) => sum + dialed.filter((address) => address === crashed.address).length, 0)
      const before = attempts()
      yield* Effect.sleep("1 minute")
      // Seven nodes with six links each: 7/6 attempts per interval, 700 in total. A deviation of a fifth is practically
      // impossible.
      assert.approximately(attempts() - before, 700, 140)
    }),
  )

  scenario("is dialed by each node with a probability of one in the number of its links", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const others = yield* Effect.forEach(["b", "c", "d", "e"], (name) => node(name, { seeds: [a.address] }))
      const [b] = others
      yield* World.untilPeers(a, ["b", "c", "d", "e"])
      if (b === undefined) return
      yield* b.crash
      yield* World.untilPeers(a, ["c", "d", "e"])
      yield* Effect.sleep("1 seconds")
      const before = a.dialed.length
      yield* Effect.sleep("20 seconds")
      // One chance in three every 100 ms.
      assert.isAbove(a.dialed.length - before, 30)
      assert.isBelow(a.dialed.length - before, 110)
    }),
  )
})

describe("back-off", () => {
  scenario("applies to an address where an older generation of the peer answers", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      yield* RawPeer.listen(network, "nowhere", () => Effect.void)
      const address = yield* RawPeer.listen(network, "m", (peer) =>
        Effect.andThen(peer.answerHandshake({ generation: 5 }), Effect.asVoid(peer.receiveAll)),
      )
      const first = yield* RawPeer.connect(network, a)
      yield* first.completeHandshake({ record: RawPeer.record({ addresses: [address] }) })
      yield* World.untilPeers(a, ["m"])
      yield* World.until(a, ({ peers }) => peers.get("m")?.link !== "up")
      const before = a.dialed.length
      yield* Effect.sleep("1 seconds")
      // One attempt every 100 ms is the policy of these tests.
      assert.isAtMost(a.dialed.length - before, 12)
    }),
  )

  scenario("applies to a peer that ends each link as soon as it is up", ({ node }, network) =>
    Effect.gen(function* () {
      const slow = { _tag: "Bye", code: "slow", message: "" } as const
      const a = yield* node("a")
      const address = yield* RawPeer.listen(network, "m", (peer) =>
        Effect.andThen(peer.answerHandshake(), peer.send(slow)),
      )
      yield* a.cluster.join(address)
      const peer = yield* RawPeer.connect(network, a)
      yield* peer.completeHandshake({ record: RawPeer.record({ addresses: [address] }) })
      yield* peer.send(slow)
      const before = a.dialed.length
      yield* Effect.sleep("2 seconds")
      assert.isAbove(a.dialed.length - before, 5)
      assert.isAtMost(a.dialed.length - before, 25)
    }),
  )
})

describe("gossip about a newer generation at another address", () => {
  const elsewhere = RawPeer.addressOf("elsewhere:1")

  /** Announces a newer generation of `b` at another address to `a`. */
  const gossip = Effect.fnUntraced(function* (network: SimNetwork.Shape, a: World.Node, generation: number) {
    const m = yield* RawPeer.connect(network, a)
    yield* m.completeHandshake()
    yield* m.keepAlive
    const record = RawPeer.record({ name: "b", generation: generation + 1, addresses: [elsewhere] })
    yield* m.send({ _tag: "Update", records: [record] })
    yield* Effect.sleep("5 seconds")
  })

  scenario("ends the back-off of the older generation", ({ node }, network) =>
    Effect.gen(function* () {
      const policies = Layer.merge(FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("1 minute")))
      const a = yield* node("a", {}, policies)
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      const { generation } = yield* b.cluster.self
      yield* b.crash
      yield* World.until(a, ({ peers }) => peers.size === 0)
      yield* gossip(network, a, generation)
      assert.include(a.dialed, elsewhere)
    }),
  )

  scenario("restarts a finite reconnect schedule that has ended", ({ node }, network) =>
    Effect.gen(function* () {
      const finite = Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(2)])
      const a = yield* node("a", {}, Layer.merge(FailureDetector.layerLocal, Reconnect.layer(finite)))
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      const { generation } = yield* b.cluster.self
      yield* b.crash
      yield* World.until(a, ({ peers }) => peers.size === 0)
      yield* Effect.sleep("10 seconds")
      const dialed = a.dialed.length
      yield* Effect.sleep("10 seconds")
      assert.strictEqual(a.dialed.length, dialed, "the schedule has ended")
      yield* gossip(network, a, generation)
      assert.include(a.dialed, elsewhere)
    }),
  )
})
