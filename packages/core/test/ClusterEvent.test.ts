import type { View } from "@coterie/core/ClusterEvent"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import type { Peer } from "@coterie/core/Peer"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"

const peer = (name: string, fields: Partial<Peer> = {}): Peer => ({
  name,
  generation: 1,
  status: "alive",
  link: "up",
  addresses: [],
  metadata: {},
  ...fields,
})

const view = (...peers: ReadonlyArray<Peer>): View => ({
  version: 7,
  peers: new Map(peers.map((each) => [each.name, each])),
})

describe("apply", () => {
  it("puts the peer of an event about a member into the view, and increments the version", () => {
    const changed = peer("a", { generation: 2, status: "suspect", link: "down" })
    for (const event of [
      { _tag: "Joined", peer: changed },
      { _tag: "Suspected", peer: changed },
      { _tag: "Recovered", peer: changed },
      { _tag: "Replaced", peer: changed, old: peer("a") },
      { _tag: "MetadataChanged", peer: changed },
      { _tag: "Unreachable", peer: changed },
      { _tag: "Reachable", peer: changed },
    ] satisfies ReadonlyArray<ClusterEvent.ViewChange>) {
      const after = ClusterEvent.apply(view(peer("a"), peer("b")), event)
      assert.deepStrictEqual(after, { ...view(changed, peer("b")), version: 8 }, event._tag)
    }
  })

  it("removes a peer that left, failed or was disconnected, and increments the version", () => {
    for (const _tag of ["Left", "Failed", "Disconnected"] as const) {
      const after = ClusterEvent.apply(view(peer("a"), peer("b")), { _tag, peer: peer("a") })
      assert.deepStrictEqual(after, { ...view(peer("b")), version: 8 }, _tag)
    }
  })

  it("returns the view of a snapshot, whatever the view was before", () => {
    const snapshot = view(peer("c"))
    assert.strictEqual(ClusterEvent.apply(view(peer("a")), { _tag: "Snapshot", view: snapshot }), snapshot)
  })

  it("returns the same view for notices and for Lagged", () => {
    const before = view(peer("a"))
    for (const event of [
      { _tag: "SlowPeer", peer: peer("a", { link: "down" }), lane: "", waited: Duration.seconds(5), bytes: 1 },
      { _tag: "SeedUnavailable", address: "a:1", reason: "refused", message: "nobody listens" },
      { _tag: "Isolated" },
      { _tag: "Reconnected" },
      { _tag: "PartitionSuspected", lost: [peer("a")] },
      { _tag: "PartitionHealed", returned: [], missing: [peer("a")] },
      { _tag: "Superseded" },
      { _tag: "Diagnostic", message: "" },
      { _tag: "Lagged", missed: 1 },
    ] satisfies ReadonlyArray<ClusterEvent.ClusterEvent>) {
      assert.strictEqual(ClusterEvent.apply(before, event), before, event._tag)
    }
  })

  it("does not change the view that it gets", () => {
    const before = view(peer("a"))
    ClusterEvent.apply(before, { _tag: "Joined", peer: peer("b") })
    ClusterEvent.apply(before, { _tag: "Left", peer: peer("a") })
    assert.deepStrictEqual(before, view(peer("a")))
  })
})
