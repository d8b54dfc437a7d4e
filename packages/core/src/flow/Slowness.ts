/**
 * Memory that senders waited for a peer in vain: for credit of one lane, or for the list of its lanes. While it is set, a
 * message to many goes on without the peer at once (docs/messages.md, section "Slow subscribers").
 */
export class Slowness {
  private slow = false
  private steps = 0

  /** `true` from {@link mark} until {@link clear}. */
  get isSlow(): boolean {
    return this.slow
  }

  /** Number of times that something was accepted for the peer. While it stays the same, everybody who waits stands still. */
  get progress(): number {
    return this.steps
  }

  /** Records that something was accepted for the peer. */
  advance(): void {
    this.steps++
  }

  /** Records that a sender waited in vain. Returns `true` if this is news. */
  mark(): boolean {
    if (this.slow) return false
    this.slow = true
    return true
  }

  /** Records that the peer goes on. */
  clear(): void {
    this.slow = false
  }
}
