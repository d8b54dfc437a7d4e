/**
 * The status of a node: how far it is on its way into the cluster and out of it. `Cluster.ts` publishes the type.
 */
import type { StoppedError } from "../ClusterError.ts"

/**
 * Reason why a node has no link:
 *
 * - `noSeeds`: there is no address to dial, neither a seed nor a discovered one. The node waits for others to dial it.
 * - `unavailable`: no address has let the node in. It tries again for ever.
 * - `isolated`: members are known, and there is a link to none of them.
 *
 * @category models
 * @since 0.1.0
 */
export type AloneReason = "noSeeds" | "unavailable" | "isolated"

/**
 * Status of a node:
 *
 * - `Starting`: with `notStarted`, `start` was not called (option `start`). With `joining`, the addresses are tried for the first
 *   time.
 * - `Alone`: there is no link to a peer. `message` says why, such as the last error of a seed.
 * - `Member`: there is a link to a peer. `peers` is the number of members beside this node.
 * - `Leaving`: the node takes leave of its peers, or stops because of `error`.
 * - `Stopped`: nothing of the node is left. Without `error` it has left.
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
