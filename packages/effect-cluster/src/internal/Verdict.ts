/** Knowledge of a node about a runner. `RunnerPeers.ts` publishes the type. */

/**
 * Knowledge of this node about a runner:
 *
 * - `alive`: its peer is a member, or this node itself. A suspected member is alive.
 * - `dead`: its peer was a member, and failed, left, or was replaced by a later life.
 * - `unknown`: this node has not met its peer, or has disconnected from it.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "alive" | "dead" | "unknown"
