/** Members that send false statements about other members, on a simulated network. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** Returns the record with another address and a greater body hash, under the same key. */
const forgeryOf = (record: PeerRecord.PeerRecord): PeerRecord.PeerRecord => {
  for (let i = 0; i < 100; i++) {
    const body = { ...record.body, addresses: [RawPeer.addressOf("elsewhere:1")], metadata: { forged: String(i) } }
    if (PeerRecord.compare({ ...record, body }, record) > 0) return { ...record, body }
  }
  return assert.fail("one of a hundred hashes is greater than another")
}

World.simulated(
  "a forged body at the key of a member is shown nowhere, and its owner raises its incarnation",
  (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a", { metadata: { role: "true" } })
      const z = yield* world.node("z", { seeds: [a.address], metadata: { role: "true" } })
      yield* World.untilPeers(a, ["z"])
      const m = yield* RawPeer.connect(network, a)
      yield* m.completeHandshake()
      yield* m.keepAlive
      yield* m.send({ _tag: "SyncDigest", entries: [], last: true })
      const { records } = yield* m.receiveFrame("SyncDelta")
      const own = records.find(({ name }) => name === "z")
      if (own === undefined) return assert.fail("a does not send the record of z")
      const events = yield* World.collect(a)
      yield* m.send({ _tag: "Update", records: [forgeryOf(own)] })
      let newer: PeerRecord.PeerRecord | undefined
      while (newer === undefined || newer.incarnation <= own.incarnation) {
        const frame = yield* m.receiveFrame("Update")
        newer = frame.records.find(({ name }) => name === "z")
      }
      assert.deepStrictEqual(newer, { ...own, incarnation: own.incarnation + 1 })
      const { metadata, addresses } = (yield* a.cluster.view).peers.get("z") ?? {}
      assert.deepStrictEqual([metadata, addresses], [{ role: "true" }, own.body.addresses])
      assert.isFalse(events.some(({ _tag }) => _tag === "MetadataChanged"))
      yield* m.leave()
      yield* z.stop
    }),
)
