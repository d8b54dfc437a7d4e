/** Follows a map from its opening. The modules of this package that keep a fold of a map use it. */
import type { Change } from "./Service.ts"

/**
 * Knowledge of a node about the others.
 *
 * - `isolated`: it has lost its last link, and is probably cut off from more than one member.
 * - `alone`: it has no link, and knows at most one member. It may be the first node.
 * - `syncing`: the entries of a member with a link have not arrived yet, or the first view has not.
 * - `synced`: it has the entries of every member with a link, and has a link.
 */
export type Reach = "isolated" | "alone" | "syncing" | "synced"

export interface MapObserver<in K, in V> {
  /**
   * Gets the changes of one step of the map, in that step. There are none if only `reach` may have changed. It must be
   * fast, and must not change the map.
   */
  readonly onStep: (changes: ReadonlyArray<Change<K, V>>, reach: Reach) => void
  /** The map is closed, or its node has left. May be called more than once. */
  readonly onClosed: () => void
}
