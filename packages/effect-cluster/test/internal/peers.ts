/** Peers and events of the membership as values. */
import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import { makeView } from "@coterie/core/ClusterEvent"
import type { Peer, RemovedPeer, RemovedStatus } from "@coterie/core/Peer"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerPeers from "../../src/RunnerPeers.ts"

export interface Identity {
  readonly name: string
  readonly generation?: number
  /** Address of the runner in the metadata. */
  readonly runner?: string
}

const describe = ({ generation = 1, name, runner }: Identity) => ({
  name,
  generation,
  addresses: [],
  metadata: runner === undefined ? {} : { [RunnerPeers.metadataKey]: runner },
})

export const peer = (identity: Identity, options: Partial<Peer> = {}): Peer => ({
  ...describe(identity),
  status: "alive",
  link: "up",
  ...options,
})

export const removed = <Status extends RemovedStatus>(identity: Identity, status: Status): RemovedPeer<Status> => ({
  ...describe(identity),
  status,
})

export const snapshot = (...peers: ReadonlyArray<Peer>): ClusterEvent => ({
  _tag: "Snapshot",
  view: makeView({ self: peer({ name: "self" }), peers }),
})

/** Returns the address of a life under `layerByPeer`. */
export const addressOf = (name: string, generation = 1): RunnerAddress.RunnerAddress =>
  RunnerPeers.addressOf({ name, generation })
