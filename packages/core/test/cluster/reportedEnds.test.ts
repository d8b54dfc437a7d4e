/** Reports that lives which no node met have left (docs/protocol.md, R1 and R12). */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

World.simulated(
  "a member that reports to each of two nodes that a later life of the other left delays their first link by half a minute at most",
  ({ node }, network) =>
    Effect.gen(function* () {
      const [a, b] = [yield* node("a"), yield* node("b")]
      const meet = Effect.fnUntraced(function* (of: World.Node) {
        const peer = yield* RawPeer.connect(network, of)
        const { record } = yield* peer.completeHandshake()
        yield* peer.keepAlive
        yield* Effect.forkScoped(peer.receiveAll)
        return { peer, record }
      })
      const [toA, toB] = [yield* meet(a), yield* meet(b)]
      const pairs = [
        [toA.peer, toB.record],
        [toB.peer, toA.record],
      ] as const
      const events = [yield* World.collect(a), yield* World.collect(b)]
      for (const [peer, record] of pairs) {
        const later = { ...record, generation: record.generation + 1_000_000, status: "left" } as const
        yield* peer.send({ _tag: "Update", records: [later] })
      }
      yield* Effect.sleep("1 seconds")
      // Correct members send each record again whenever the views differ.
      const announce = Effect.forEach(pairs, ([peer, record]) => peer.send({ _tag: "Update", records: [record] }))
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(announce, Effect.sleep("1 seconds"))))
      const meeting = Effect.all([World.untilPeers(a, ["b", "m"]), World.untilPeers(b, ["a", "m"])])
      yield* Effect.timeout(meeting, "31 seconds")
      assert.isTrue(events.flat().every(({ _tag }) => _tag !== "Left" && _tag !== "Diagnostic"))
    }),
)

World.simulated(
  "a member that reports that a later life of a node left does not end the node for a node without a link",
  ({ node }, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const peer = yield* RawPeer.connect(network, a)
      yield* peer.completeHandshake()
      yield* peer.keepAlive
      yield* Effect.forkScoped(peer.receiveAll)
      const { generation } = yield* b.cluster.self
      const events = yield* World.collect(a)
      yield* b.sever
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      const left = RawPeer.record({ name: "b", generation: generation + 1_000_000, status: "left" })
      yield* peer.send({ _tag: "Update", records: [left] })
      yield* World.untilPeers(a, ["b", "m"])
      assert.notInclude(
        events.map(({ _tag }) => _tag),
        "Left",
      )
    }),
)
