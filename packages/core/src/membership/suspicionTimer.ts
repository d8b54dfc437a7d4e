/**
 * R5 (the duration of a suspicion; Lifeguard, section IV-B). The duration starts at `suspicionMax` and shrinks to
 * `suspicionMin` as further peers accuse independently. Both are fields of `Settings.ts`.
 */
import type { View } from "../ClusterEvent.ts"
import type { Settings } from "./Settings.ts"

/** Returns the number of accusers beyond the first that shorten the timer to its minimum, in a cluster of `size`. */
export const expectedConfirmations = (size: number): number => Math.max(0, Math.min(3, size - 2))

/** Number of accusers with a refused connection that proves the end of the process. */
const refusalsThatProve = 2

/** Facts about this node that the duration of a suspicion depends on. */
export interface Circumstances {
  readonly settings: Settings
  /** Number of alive and suspect members of the cluster, this node included. */
  readonly size: number
  /** Local health score. */
  readonly health: number
  /** View of the application; `isolated` if this node has no link left. */
  readonly view: Pick<View, "isolated">
}

/**
 * Returns the milliseconds from the start of a suspicion to its end. `accusers` contains the names of the accusers,
 * with `true` for accusers whose connection was refused.
 *
 * The duration is the minimum if the cluster has no other member to confirm the suspicion. The minimum grows with the
 * local health score, and is halved if two accusers report a refused connection. An isolated node waits for the
 * maximum.
 */
export const timeout = (
  { health, settings, size, view }: Circumstances,
  accusers: ReadonlyMap<string, boolean>,
): number => {
  const max = settings.suspicionMax
  if (view.isolated && size > 2) return max
  let refusals = 0
  for (const refused of accusers.values()) if (refused) refusals++
  const min = Math.min(max, (settings.suspicionMin * (1 + health)) / (refusals >= refusalsThatProve ? 2 : 1))
  const k = expectedConfirmations(size)
  if (k === 0) return min
  const confirmations = Math.max(0, Math.min(accusers.size - 1, k))
  return max - (max - min) * (Math.log(confirmations + 1) / Math.log(k + 1))
}
