/**
 * State of the attempts to reach one life of a peer. It outlives the fiber that makes the attempts, so that a link that
 * ends at once does not start the schedule afresh.
 */
import type { DialTarget } from "../membership/State.ts"
import type { RetrySchedule } from "./RetrySchedule.ts"

export class PeerAttempts {
  readonly schedule: RetrySchedule
  private readonly generation: number
  /** `true` if the peer had failed when the attempts were last updated. */
  private isFailed: boolean
  /** Time at which the attempts led to a link. */
  private linkedAt: number | undefined
  private hasEnded = false

  constructor(generation: number, kind: DialTarget["kind"] | undefined, schedule: RetrySchedule) {
    this.generation = generation
    this.isFailed = kind === "failed"
    this.schedule = schedule
  }

  /** `true` if the schedule has ended, so that no attempt is made until something changes. */
  get isOver(): boolean {
    return this.hasEnded
  }

  /** Notes that the peer has a link. */
  linked(now: number): void {
    this.linkedAt ??= now
    this.hasEnded = false
  }

  /** Returns how the attempts stand: they have led to no link, or to one that was healthy, or to one that ended at once. */
  linkHealth(now: number, healthy: number): "none" | "healthy" | "flapping" {
    if (this.linkedAt === undefined) return "none"
    return now - this.linkedAt < healthy ? "flapping" : "healthy"
  }

  /** Continues the schedule after a link that ended at once. */
  forgetLink(): void {
    this.linkedAt = undefined
  }

  /** Notes whether the schedule goes on. */
  continued(more: boolean): void {
    this.hasEnded = !more
  }

  /**
   * Compares the attempts with what is wanted now. Returns `false` if they must start afresh: the schedule for an earlier life
   * is not for this one, which lives elsewhere and is just starting, and the schedule for a peer that was called failed is
   * not for one that has just given a sign of life.
   */
  isFor({ generation, kind }: Pick<DialTarget, "generation" | "kind">): boolean {
    const isFailed = kind === "failed"
    if (this.generation < generation || (this.isFailed && !isFailed)) return false
    this.isFailed = isFailed
    return true
  }
}
