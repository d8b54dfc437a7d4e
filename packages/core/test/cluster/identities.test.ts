/** Nodes whose transport proves identities (docs/protocol.md, section "Simultaneous connections"). */
import * as Admission from "@coterie/core/Admission"
import type * as Transport from "@coterie/core/Transport"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const secret: Transport.Identity = { _tag: "Secret", key: "Zk9qW2mB1xYt" }

const certificate = (...names: ReadonlyArray<string>): Transport.Identity => ({
  _tag: "Certificate",
  names,
  fingerprint: "00",
  validTo: 0,
})

describe("a stranger without a proof", () => {
  World.simulated("does not take the link of a member that proves its identity", (_, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(World.sim(network, () => secret))
      const { generation } = yield* b.cluster.self
      const record = { ...RawPeer.record({ name: "b" }), generation }
      const events = yield* World.collect(a)
      const claim = Effect.fnUntraced(function* (fields: RawPeer.HelloFields) {
        const stranger = yield* RawPeer.connect(network, a)
        yield* stranger.send(RawPeer.hello({ record, linkEpoch: 2 ** 31 - 1, ...fields }))
        return RawPeer.rejectCodeOf(yield* stranger.receive)
      })
      assert.strictEqual(yield* claim({ instance: 2 ** 32 }), "busy")
      assert.strictEqual(yield* claim({ record: { ...record, generation: generation + 1_000 } }), "busy")
      yield* Effect.sleep("5 seconds")
      yield* World.untilPeers(a, ["b"])
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Snapshot"],
      )
      // The name is free once the link has ended.
      yield* b.crash
      yield* World.untilPeers(a, [])
      assert.strictEqual(yield* claim({ record: { ...record, generation: generation + 1_000 } }), "HelloAck")
    }),
  )
})

describe("Admission.layerNamed", () => {
  World.simulated("denies a peer whose certificate belongs to another name, whichever side dials", (_, network) =>
    Effect.gen(function* () {
      const { node } = World.sim(network, (name) => certificate(`spiffe://test/${name === "c" ? "b" : name}`))
      const named = Layer.merge(
        World.quick,
        Admission.layerNamed((peer) => [`spiffe://test/${peer}`]),
      )
      const a = yield* node("a", {}, named)
      const b = yield* node("b", { seeds: [a.address] }, named)
      const c = yield* node("c", { seeds: [a.address] }, named)
      const reason = yield* World.untilEvent(c, ({ _tag }) => _tag === "SeedUnavailable")
      assert.deepInclude(reason, { reason: "denied" })
      const d = yield* node("d", { seeds: [c.address] }, named)
      yield* World.untilEvent(d, ({ _tag }) => _tag === "SeedUnavailable")
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      assert.strictEqual((yield* d.cluster.view).peers.size, 0)
    }),
  )
})
