import type { ViewChange } from "@coterie/core/ClusterEvent"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import type { Peer, RemovedPeer } from "@coterie/core/Peer"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import { peerOf, removedOf } from "./peers.ts"

const self = peerOf("self")

const view = (...peers: ReadonlyArray<Peer>): ClusterEvent.View => ClusterEvent.makeView({ self, peers, version: 7 })

const notices: ReadonlyArray<ClusterEvent.ClusterEvent> = [
  { _tag: "SlowPeer", peer: peerOf("a", { link: "down" }), lane: "", waited: Duration.seconds(5), bytes: 1 },
  { _tag: "SeedUnavailable", address: "a:1", reason: "refused", message: "no process listens" },
  { _tag: "PartitionSuspected", lost: [removedOf("a", "failed")] },
  { _tag: "PartitionHealed", returned: [peerOf("b")], missing: [removedOf("a", "failed")] },
  { _tag: "Superseded" },
  { _tag: "Diagnostic", message: "" },
  { _tag: "Lagged", missed: 1 },
]

describe("apply", () => {
  it("puts the peer of an event about a member into the view, and increments the version", () => {
    const changed = peerOf("a", { generation: 2, status: "suspect", link: "down" })
    for (const event of [
      { _tag: "Joined", peer: changed },
      { _tag: "Suspected", peer: changed },
      { _tag: "Recovered", peer: changed },
      { _tag: "Replaced", peer: changed, old: removedOf("a", "replaced") },
      { _tag: "MetadataChanged", peer: changed },
      { _tag: "Unreachable", peer: changed },
      { _tag: "Reachable", peer: changed },
    ] satisfies ReadonlyArray<ViewChange>) {
      const after = ClusterEvent.apply(view(peerOf("a"), peerOf("b")), event)
      assert.deepStrictEqual(after, { ...view(changed, peerOf("b")), version: 8 }, event._tag)
    }
  })

  it("removes a peer that left, failed or was disconnected, and increments the version", () => {
    for (const event of [
      { _tag: "Left", peer: removedOf("a", "left") },
      { _tag: "Failed", peer: removedOf("a", "failed") },
      { _tag: "Disconnected", peer: removedOf("a", "disconnected") },
    ] satisfies ReadonlyArray<ViewChange>) {
      const after = ClusterEvent.apply(view(peerOf("a"), peerOf("b")), event)
      assert.deepStrictEqual(after, { ...view(peerOf("b")), version: 8 }, event._tag)
    }
  })

  it("stores this node's new description, and that this node is isolated until it is connected again", () => {
    const changed = peerOf("self", { generation: 2, metadata: { role: "web" } })
    const before = view(peerOf("a"))
    const after = ClusterEvent.apply(before, { _tag: "SelfChanged", self: changed })
    assert.deepStrictEqual(after, { ...before, self: changed, version: 8 })
    const isolated = ClusterEvent.apply(before, { _tag: "Isolated" })
    assert.deepStrictEqual(isolated, { ...before, isolated: true, version: 8 })
    assert.deepStrictEqual(ClusterEvent.apply(isolated, { _tag: "Reconnected" }), { ...before, version: 9 })
  })

  it("returns the view of a snapshot, regardless of the view before", () => {
    const snapshot = view(peerOf("c"))
    assert.strictEqual(ClusterEvent.apply(view(peerOf("a")), { _tag: "Snapshot", view: snapshot }), snapshot)
  })

  it("returns the same view for notices and for Lagged", () => {
    const before = view(peerOf("a"))
    for (const event of notices) assert.strictEqual(ClusterEvent.apply(before, event), before, event._tag)
  })

  it("does not change the given view", () => {
    const before = view(peerOf("a"))
    ClusterEvent.apply(before, { _tag: "Joined", peer: peerOf("b") })
    ClusterEvent.apply(before, { _tag: "Left", peer: removedOf("a", "left") })
    assert.deepStrictEqual(before, view(peerOf("a")))
  })
})

describe("a view", () => {
  it("lists this node before its peers in its members", () => {
    assert.deepStrictEqual(
      ClusterEvent.members(view(peerOf("a"), peerOf("b"))).map(({ name }) => name),
      ["self", "a", "b"],
    )
  })

  it("is equal to another view with the same peers in any order, and has the same hash", () => {
    const names = Array.from({ length: 200 }, (_, i) => `p${i}`)
    for (const size of [2, 200]) {
      const peers = names.slice(0, size).map((name) => peerOf(name))
      const [one, other] = [view(...peers), view(...[...peers].reverse().map((peer) => ({ ...peer })))]
      assert.isTrue(Equal.equals(one, other))
      assert.strictEqual(Hash.hash(one), Hash.hash(other))
      assert.isFalse(Equal.equals(one, view(...peers.slice(1))))
      assert.isFalse(Equal.equals(one, view(...peers.slice(1), peerOf("p0", { link: "down" }))))
    }
  })
})

describe("the schemas", () => {
  const throughJson = <A, E>(schema: Schema.Codec<A, E>, value: A): A => {
    const codec = Schema.toCodecJson(schema)
    const text = JSON.stringify(Schema.encodeSync(codec)(value))
    return Schema.decodeUnknownSync(codec)(JSON.parse(text))
  }

  it.prop(
    "events and views are equal after a round trip through JSON",
    [Arbitrary.schema(Schema.toType(ClusterEvent.ViewChange))],
    ([change]) => {
      const before = view(peerOf("a"), peerOf("b"))
      assert.isTrue(Equal.equals(throughJson(ClusterEvent.ClusterEvent, change), change))
      const after = ClusterEvent.apply(before, change)
      assert.isTrue(Equal.equals(throughJson(ClusterEvent.View, after), after))
      const snapshot = { _tag: "Snapshot", view: after } as const
      assert.isTrue(Equal.equals(throughJson(ClusterEvent.ClusterEvent, snapshot), snapshot))
    },
  )

  it("notices are equal after a round trip through JSON", () => {
    for (const notice of notices) {
      assert.isTrue(Equal.equals(throughJson(ClusterEvent.ClusterEvent, notice), notice), notice._tag)
    }
  })

  it("refuse a failed peer in a view, and a peer with an invalid address", () => {
    const decode = Schema.decodeUnknownOption(Schema.toCodecJson(ClusterEvent.View))
    const encoded = { version: 1, self, isolated: false }
    assert.isTrue(decode({ ...encoded, peers: [peerOf("a")] })._tag === "Some")
    assert.isTrue(decode({ ...encoded, peers: [{ ...peerOf("a"), status: "failed" }] })._tag === "None")
    assert.isTrue(decode({ ...encoded, peers: [{ ...peerOf("a"), addresses: ["nowhere"] }] })._tag === "None")
  })

  it("match an event by its tag", () => {
    const nameOf = ClusterEvent.ClusterEvent.matchOrElse(
      { Joined: ({ peer }) => peer.name, Left: ({ peer }) => peer.name },
      () => "another",
    )
    assert.strictEqual(nameOf({ _tag: "Left", peer: removedOf("a", "left") }), "a")
    assert.strictEqual(nameOf({ _tag: "Isolated" }), "another")
  })
})

describe("the types", () => {
  it("a peer of a view is alive or suspect, and a removed peer has its outcome and no link", () => {
    expectTypeOf<Peer["status"]>().toEqualTypeOf<"alive" | "suspect">()
    expectTypeOf<RemovedPeer["status"]>().toEqualTypeOf<"left" | "failed" | "disconnected" | "replaced">()
    expectTypeOf<RemovedPeer>().not.toExtend<Peer>()
    expectTypeOf<Peer>().not.toExtend<RemovedPeer>()
    expectTypeOf<Extract<ViewChange, { _tag: "Left" }>["peer"]>().toEqualTypeOf<RemovedPeer<"left">>()
  })
})
