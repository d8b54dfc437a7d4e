/** The status of a node: the progress of its start, its membership, or its end. `Cluster.ts` publishes the type. */
import type { StoppedError } from "../ClusterError.ts"

/**
 * Reason why a node has no link:
 *
 * - `noSeeds`: there is no seed and no discovered address to dial. The node waits for other nodes to dial it.
 * - `unavailable`: no address has accepted the node. It retries forever.
 * - `isolated`: the node has lost all its links, and its last dial was not refused. It stays `isolated` after all members have failed.
 *
 * @category models
 * @since 0.1.0
 */
export type AloneReason = "noSeeds" | "unavailable" | "isolated"

/**
 * Status of a node:
 *
 * - `Starting`: with `notStarted`, `start` has not been called (option `start`). With `joining`, the node tries the
 *   addresses for the first time.
 * - `Alone`: there is no link to a peer. `message` has the cause, such as the last error of a seed.
 * - `Member`: there is a link to a peer. `peers` is the number of members except this node.
 * - `Leaving`: the node notifies its peers that it leaves, or stops because of `error`.
 * - `Stopped`: the node has released all resources. Without `error` it has left.
 *
 * @category models
 * @since 0.1.0
 */
export type Status =
  | { readonly _tag: "Starting"; readonly reason: "notStarted" | "joining" }
  | { readonly _tag: "Alone"; readonly reason: AloneReason; readonly message: string }
  | { readonly _tag: "Member"; readonly peers: number }
  | { readonly _tag: "Leaving"; readonly error?: StoppedError }
  | { readonly _tag: "Stopped"; readonly error?: StoppedError }
