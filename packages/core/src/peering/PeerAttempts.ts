/**
 * State of the attempts to reach one life of a peer. It outlives the fiber that makes the attempts, so that a link that
 * ends at once does not restart the schedule.
 */
import type { DialTarget } from "../membership/State.ts"
import type { RetrySchedule } from "./RetrySchedule.ts"

export class PeerAttempts {
  readonly schedule: RetrySchedule
  private readonly generation: number
  /** `true` if the peer was failed when the attempts were last updated. */
  private isFailed: boolean
  /** Time at which the attempts led to a link. */
  private linkedAt: number | undefined
  private hasEnded = false

  constructor(generation: number, kind: DialTarget["kind"] | undefined, schedule: RetrySchedule) {
    this.generation = generation
    this.isFailed = kind === "failed"
    this.schedule = schedule
  }

  /** `true` if the schedule has ended. Then there is no further attempt until something changes. */
  get isOver(): boolean {
    return this.hasEnded
  }

  /** Records that the peer has a link. */
  linked(now: number): void {
    this.linkedAt ??= now
    this.hasEnded = false
  }

  /** Returns the result of the attempts so far: no link, a healthy link, or a link that ended at once. */
  linkHealth(now: number, healthy: number): "none" | "healthy" | "flapping" {
    if (this.linkedAt === undefined) return "none"
    return now - this.linkedAt < healthy ? "flapping" : "healthy"
  }

  /** Continues the schedule after a link that ended at once. */
  forgetLink(): void {
    this.linkedAt = undefined
  }

  /** Records whether the schedule continues. */
  continued(more: boolean): void {
    this.hasEnded = !more
  }

  /**
   * Compares the attempts with the current dial target. Returns `false` if the attempts must restart. The schedule of
   * an earlier life does not apply to a new life, which may have other addresses and is just starting. The schedule of
   * a failed peer does not apply to a peer that has just shown a sign of life.
   */
  isFor({ generation, kind }: Pick<DialTarget, "generation" | "kind">): boolean {
    const isFailed = kind === "failed"
    if (this.generation < generation || (this.isFailed && !isFailed)) return false
    this.isFailed = isFailed
    return true
  }
}
