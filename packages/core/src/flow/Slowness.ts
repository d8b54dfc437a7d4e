/**
 * Mark that a send to a peer timed out, while it waited for credit of one lane, for the peer's reader to take a message
 * of the lane, or for the list of the peer's lanes. While the mark is set, broadcasts do not wait for the peer
 * (docs/messages.md, section "Slow subscribers").
 */
export class Slowness {
  private slow = false
  private steps = 0
  private granted = 0

  /** `true` from {@link mark} until {@link clear}. */
  get isSlow(): boolean {
    return this.slow
  }

  /**
   * Number of times that the lane accepted something for the peer, or that the peer's reader took something. While it
   * does not change, no waiting sender makes progress.
   */
  get progress(): number {
    return this.steps
  }

  /** Records that the lane accepted something for the peer, or that the peer's reader took something. */
  advance(): void {
    this.steps++
  }

  /** Number of whole frames for which the peer has given credit. Independent of the mark. */
  get grants(): number {
    return this.granted
  }

  /** Records that the peer gave credit for another whole frame. */
  grant(): void {
    this.granted++
  }

  /** Records that a send timed out. Returns `true` if the mark was not set before. */
  mark(): boolean {
    if (this.slow) return false
    this.slow = true
    return true
  }

  /** Records that the peer makes progress again. */
  clear(): void {
    this.slow = false
  }
}
