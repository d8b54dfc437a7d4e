/** An example of each event. An event without one does not compile. */
import type { ClusterEvent } from "../../packages/core/src/ClusterEvent.ts"
import * as Duration from "effect/Duration"
import { emptyView, peerOf, removedOf } from "../../packages/core/test/peers.ts"

type Examples = { readonly [Tag in ClusterEvent["_tag"]]: Extract<ClusterEvent, { readonly _tag: Tag }> }

const generation = 1_767_225_600_000

const peer = peerOf("web-2", { generation })

export const examples: Examples = {
  Joined: { _tag: "Joined", peer },
  Left: { _tag: "Left", peer: removedOf("web-2", "left", { generation }) },
  Unreachable: { _tag: "Unreachable", peer: { ...peer, link: "indirect" } },
  Reachable: { _tag: "Reachable", peer },
  Suspected: { _tag: "Suspected", peer: { ...peer, status: "suspect" } },
  Recovered: { _tag: "Recovered", peer },
  Failed: { _tag: "Failed", peer: removedOf("web-2", "failed", { generation }) },
  Replaced: { _tag: "Replaced", peer, old: removedOf("web-2", "replaced", { generation: generation - 1 }) },
  MetadataChanged: { _tag: "MetadataChanged", peer },
  Disconnected: { _tag: "Disconnected", peer: removedOf("web-2", "disconnected", { generation }) },
  SlowPeer: { _tag: "SlowPeer", peer, lane: "orders", waited: Duration.seconds(5), bytes: 65_536 },
  SelfChanged: { _tag: "SelfChanged", self: peerOf("web-1", { generation }) },
  Isolated: { _tag: "Isolated" },
  Reconnected: { _tag: "Reconnected" },
  PartitionSuspected: {
    _tag: "PartitionSuspected",
    lost: [removedOf("web-2", "failed"), removedOf("web-3", "failed")],
  },
  PartitionHealed: { _tag: "PartitionHealed", returned: [peer], missing: [removedOf("web-3", "failed")] },
  Superseded: { _tag: "Superseded" },
  SeedUnavailable: {
    _tag: "SeedUnavailable",
    address: "10.0.0.9:24868",
    reason: "refused",
    message: "10.0.0.9:24868 refused the connection: nobody listens there",
  },
  Diagnostic: { _tag: "Diagnostic", message: 'refused the peer "web-9": the maximum number of members is reached' },
  Snapshot: { _tag: "Snapshot", view: emptyView },
  Lagged: { _tag: "Lagged", missed: 12 },
}
