/** Peers and views for tests. */
import type { View } from "@coterie/core/ClusterEvent"
import { makeView } from "@coterie/core/ClusterEvent"
import type { Peer, RemovedPeer, RemovedStatus } from "@coterie/core/Peer"

/** Returns a peer with a live link and the given changes. */
export const peerOf = (name: string, changes: Partial<Peer> = {}): Peer => ({
  name,
  generation: 1,
  status: "alive",
  link: "up",
  addresses: [],
  metadata: {},
  ...changes,
})

/** Returns a peer that is no longer a member, with the given changes. */
export const removedOf = <Status extends RemovedStatus>(
  name: string,
  status: Status,
  changes: Partial<RemovedPeer<Status>> = {},
): RemovedPeer<Status> => ({ name, generation: 1, status, addresses: [], metadata: {}, ...changes })

/** View of the node `self`, which has not met a peer. */
export const emptyView: View = makeView({ self: peerOf("self") })
