/** Peers that a member announces and that do not exist. They must not keep a node from those that do. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

World.simulated("a peer is dialed at once while a member announces thousands that do not answer", (world, network) =>
  Effect.gen(function* () {
    const a = yield* world.node("a")
    const meet = Effect.fnUntraced(function* (name: string) {
      const peer = yield* RawPeer.connect(network, a)
      yield* peer.completeHandshake({ name })
      yield* peer.keepAlive
      return peer
    })
    const liar = yield* meet("m")
    const honest = yield* meet("n")
    const silent = yield* RawPeer.listen(network, "silent", () => Effect.never)
    const ghosts = Array.from({ length: 5_000 }, (_, i): PeerRecord =>
      RawPeer.record({ name: `n ghost ${i}`, addresses: [RawPeer.addressOf(silent)] }),
    )
    for (let i = 0; i < ghosts.length; i += 500) {
      yield* liar.send({ _tag: "Update", records: ghosts.slice(i, i + 500) })
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
    yield* honest.send({
      _tag: "Update",
      records: [RawPeer.record({ name: "x", addresses: [RawPeer.addressOf(x)] })],
    })
    yield* World.until(a, ({ peers }) => peers.get("x")?.link === "up")
    assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
    // All dials on hearsay that may run at once would be 200 in this time.
    const start = a.dialed.length
    yield* Effect.sleep("5 seconds")
    assert.isBelow(a.dialed.length - start, 120)
  }),
)
