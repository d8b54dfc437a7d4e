/**
 * Log of a node for packages and applications, as `@coterie/state` uses it for entries that do not arrive. Use it for
 * each line that other processes cause, so that they cannot fill the disk.
 *
 * **Example** (Warn of the messages of a peer)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import type { PeerId } from "@coterie/core/Peer"
 * import { Effect } from "effect"
 *
 * const warn = ({ generation, name }: PeerId) =>
 *   Effect.flatMap(Cluster.Cluster, ({ log }) =>
 *     log.write({
 *       level: "Warn",
 *       kind: "bad price",
 *       subject: name,
 *       text: `ignored a price of "${name}"`,
 *       annotations: { peer: name, generation },
 *     }),
 *   )
 * ```
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Line } from "./internal/LogBudget.ts"

export type { Line } from "./internal/LogBudget.ts"

/**
 * Log of a node, with a budget for each kind of line: 60 lines a minute, and 10 of these about one subject. Lines beyond
 * the budget are omitted. At the end of the minute one line has the number of omitted lines.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeLog {
  /** Writes the line with the annotations `cluster` and `node`, unless it is beyond the budget of its kind. */
  readonly write: (line: Line) => Effect.Effect<void>
}
