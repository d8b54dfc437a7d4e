/** Announced peers that do not exist. They must not prevent a node from finding peers that exist. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

World.simulated(
  "a peer is dialed at once while a member announces thousands of peers that do not answer",
  (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const meet = Effect.fnUntraced(function* (name: string) {
        const peer = yield* RawPeer.connect(network, a)
        yield* peer.completeHandshake({ name })
        yield* peer.keepAlive
        return peer
      })
      const faulty = yield* meet("m")
      const correct = yield* meet("n")
      const silent = yield* RawPeer.listen(network, "silent", () => Effect.never)
      const ghosts = Array.from({ length: 5_000 }, (_, i): PeerRecord =>
        RawPeer.record({ name: `n ghost ${i}`, addresses: [RawPeer.addressOf(silent)] }),
      )
      for (let i = 0; i < ghosts.length; i += 500) {
        yield* faulty.send({ _tag: "Update", records: ghosts.slice(i, i + 500) })
      }
      yield* Effect.sleep("1 seconds")
      assert.isAbove(a.dialed.length, 0)
      const x = yield* RawPeer.listen(network, "x", (peer) =>
        Effect.gen(function* () {
          yield* peer.answerHandshake({ name: "x" })
          yield* peer.receiveAll
        }),
      )
      const before = yield* Clock.currentTimeMillis
      yield* correct.send({
        _tag: "Update",
        records: [RawPeer.record({ name: "x", addresses: [RawPeer.addressOf(x)] })],
      })
      yield* World.until(a, ({ peers }) => peers.get("x")?.link === "up")
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
      // The maximum of parallel dials by gossip alone would be 200 in this time.
      const start = a.dialed.length
      yield* Effect.sleep("5 seconds")
      assert.isBelow(a.dialed.length - start, 120)
    }),
)
