/**
 * How long a suspicion lasts (docs/protocol.md R5; Lifeguard, section IV-B): it starts at the maximum
 * and shrinks to the minimum as further peers accuse independently.
 */
import type { Settings } from "./Settings.ts"

/** The accusers beyond the first that make the timer as short as it gets, in a cluster of `size`. */
export const expectedConfirmations = (size: number): number => Math.max(0, Math.min(3, size - 2))

/**
 * Milliseconds from suspicion to verdict with `accusers` distinct accusers (at least one) in a cluster
 * of `size` members. Where nobody else could confirm, the minimum holds.
 */
export const timeout = (settings: Settings, size: number, accusers: number): number => {
  const k = expectedConfirmations(size)
  if (k === 0) return settings.suspicionMin
  const shrink = Math.log(Math.min(accusers - 1, k) + 1) / Math.log(k + 1)
  return settings.suspicionMax - (settings.suspicionMax - settings.suspicionMin) * shrink
}
