/** Peers and views that tests share. */
import type { View } from "@coterie/core/ClusterEvent"
import { makeView } from "@coterie/core/ClusterEvent"
import type { Peer, RemovedPeer, RemovedStatus } from "@coterie/core/Peer"

/** Returns a peer with a live link, with changes. */
export const peerOf = (name: string, changes: Partial<Peer> = {}): Peer => ({
  name,
  generation: 1,
  status: "alive",
  link: "up",
  addresses: [],
  metadata: {},
  ...changes,
})

/** Returns a peer that is no member any more, with changes. */
export const removedOf = <Status extends RemovedStatus>(
  name: string,
  status: Status,
  changes: Partial<RemovedPeer<Status>> = {},
): RemovedPeer<Status> => ({ name, generation: 1, status, addresses: [], metadata: {}, ...changes })

/** Returns a view of the node `self` that has met nobody. */
export const emptyView: View = makeView({ self: peerOf("self") })
