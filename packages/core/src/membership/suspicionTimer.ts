/**
 * How long a suspicion lasts (docs/protocol.md R5; Lifeguard, section IV-B): it starts at the maximum
 * and shrinks to the minimum as further peers accuse independently.
 */
import type { Settings } from "./Settings.ts"

/** The accusers beyond the first that make the timer as short as it gets, in a cluster of `size`. */
export const expectedConfirmations = (size: number): number => Math.max(0, Math.min(3, size - 2))

/** Of so many accusers that saw a connection refused it is believed that the process has ended. */
const refusals = 2

/** What the timer of a suspicion depends on besides its accusers. */
export interface Circumstances {
  readonly settings: Settings
  /** Of the cluster. */
  readonly size: number
  /** How far this node distrusts itself. */
  readonly health: number
  /** Whether this node has no link left. */
  readonly isolated: boolean
}

/**
 * Milliseconds from suspicion to verdict, given the distinct accusers and whether they saw a connection refused. Where
 * nobody else could confirm, the minimum holds; a node that distrusts itself makes the minimum longer, and one that has lost
 * everybody waits as long as it may.
 */
export const timeout = (
  { health, isolated, settings, size }: Circumstances,
  accusers: ReadonlyMap<string, boolean>,
): number => {
  const max = settings.suspicionMax
  if (isolated && size > 2) return max
  let refused = 0
  for (const saw of accusers.values()) if (saw) refused++
  const min = Math.min(max, (settings.suspicionMin * (1 + health)) / (refused >= refusals ? 2 : 1))
  const k = expectedConfirmations(size)
  if (k === 0) return min
  const further = Math.max(0, Math.min(accusers.size - 1, k))
  return max - (max - min) * (Math.log(further + 1) / Math.log(k + 1))
}
