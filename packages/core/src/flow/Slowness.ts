import { WaitTime } from "./WaitTime.ts"

/**
 * Mark that a send to a peer timed out, while it waited for credit of one lane, for the peer's reader to take a message
 * of the lane, or for the list of the peer's lanes. While the mark is set, broadcasts do not wait for the peer
 * (docs/messages.md, section "Slow subscribers").
 */
export class Slowness {
  private slow = false
  private steps = 0
  private granted = 0
  private waits: WaitTime | undefined
  private time = 0

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

  /** Number of whole frames for which the peer has given credit. */
  get grants(): number {
    return this.granted
  }

  /** Records that the peer gave credit for another whole frame. */
  grant(): void {
    this.granted++
    this.time = 0
  }

  /** Time for which messages to many have waited in vain since the last {@link grant} or {@link clear}, in milliseconds. */
  get waited(): number {
    return this.time
  }

  /** Adds a wait in vain that ends now. */
  addWait(since: number, now: number): void {
    this.waits ??= new WaitTime()
    this.time += this.waits.add(since, now)
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
    this.time = 0
  }
}
