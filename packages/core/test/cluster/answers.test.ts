/** Peers that ask for records and do not read the answers, on a simulated network. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Frame } from "../../src/protocol/Frame.ts"
import { recordBytes } from "../../src/protocol/recordSize.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const askers = Array.from({ length: 3 }, (_, i) => `m${i}`)

/** Members whose records take 8 KB each, so that an answer takes more than one piece. */
const others = Array.from({ length: 4 }, (_, i) => `other${i}`)

RawPeer.scenario(
  "peers that request records repeatedly and do not read get a bounded number of answers",
  ({ a, connect, metric, world }) =>
    Effect.gen(function* () {
      const nodes = yield* Effect.forEach(others, (name) =>
        world.node(name, { seeds: [a.address], metadata: { note: "x".repeat(8_000) } }),
      )
      const peers = yield* Effect.forEach(askers, (name) =>
        Effect.tap(connect, (peer) => peer.completeHandshake({ record: RawPeer.record({ name, addresses: [] }) })),
      )
      for (const peer of peers) yield* peer.keepAlive
      yield* World.until(a, (view) => view.peers.size === others.length + askers.length)
      yield* Effect.sleep("1 seconds")
      const want: Frame = { _tag: "SyncDelta", records: [], want: others }
      const digest: Frame = { _tag: "SyncDigest", entries: [], last: true }
      for (let i = 0; i < 40; i++) {
        yield* Effect.forEach(peers, (peer) => peer.send(want, digest), { discard: true })
      }
      yield* Effect.sleep("1 seconds")
      // One piece of an answer, some Pongs, and news about the new peers.
      assert.isBelow(metric("coterie_queue_size", { queue: "control_outbox" }), 60)
      for (const peer of peers) {
        let bytes = 0
        yield* Effect.forkScoped(
          Effect.forever(
            Effect.map(peer.receiveFrame("SyncDelta"), ({ records }) => {
              for (const record of records) bytes += recordBytes(record)
            }),
          ),
        )
        yield* Effect.sleep("1 seconds")
        const answer = others.length * (recordBytes(RawPeer.record()) + 3 * 8_000)
        // The network accepted some records before it was full. The names requested in the meantime and the newest
        // digest follow.
        assert.isAbove(bytes, answer)
        assert.isBelow(bytes, 10 * answer)
      }
      for (const peer of peers) yield* peer.send({ _tag: "Leave", generation: RawPeer.generation })
      for (const node of nodes) yield* node.stop
    }),
)
