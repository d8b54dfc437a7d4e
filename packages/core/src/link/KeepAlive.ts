/**
 * Timer of a link: sends Pings, and ends a link whose peer is silent, does not drain, or said that it leaves and stays
 * (docs/protocol.md, section "Links"). A stall of this process says nothing about the peer, whose frames wait in the socket
 * meanwhile, so its length is not counted against the peer.
 */
import * as Effect from "effect/Effect"
import { stallMillis } from "../internal/time.ts"
import type { Limits } from "../Limits.ts"
import type { Ping, Pong } from "../protocol/Frame.ts"
import type { LinkEnd } from "./LinkEnd.ts"

/** Times of a link, in milliseconds. */
export interface Timing {
  /** Interval of the Pings. */
  readonly heartbeat: number
  /** Silence after which a link ends. */
  readonly linkTimeout: number
}

/** Greatest lag that a Ping can carry, in milliseconds. */
const maxLag = 0xffff

export interface Options {
  readonly timing: Timing
  readonly limits: Pick<Limits, "drainTimeout">
  /** `true` if this side sends the Pings. */
  readonly drives: boolean
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number
  /** Silence that is tolerated now, in milliseconds: the link timeout, and more while this node distrusts itself. */
  readonly effectiveLinkTimeout: () => number
  /** Current view hash of this node. */
  readonly viewHash: () => bigint
  readonly send: (frame: Ping | Pong) => void
  /** Does not count a stall of this process against a write that waits. */
  readonly excuseWrite: (late: number, at: number) => void
  /** Returns `true` if the peer does not drain what was written. */
  readonly isSlow: (at: number) => boolean
  /** Time at which the peer said that it leaves. */
  readonly leavingSince: () => number | undefined
}

/** Timer of one link. */
export class KeepAlive {
  private readonly options: Options
  private readonly startedAt: number
  /** Time since which the peer is silent. Later than its last bytes by the stalls of this process since. */
  private silentSince: number
  /** Delay of the last timer, in milliseconds. */
  private late = 0
  private seq = 0

  constructor(options: Options) {
    this.options = options
    this.startedAt = options.now()
    this.silentSince = this.startedAt
  }

  /** Records that bytes came. Any byte is a sign of life: over a slow line a large frame takes longer than the timeout. */
  heard(at: number): void {
    this.silentSince = at
  }

  /** Returns the delay of the last timer, in milliseconds, as a Ping carries it. */
  lag(): number {
    return Math.min(maxLag, Math.max(0, Math.round(this.late)))
  }

  /** Sends a Ping. */
  ping(): void {
    const { send, viewHash } = this.options
    send({ _tag: "Ping", seq: this.seq++ >>> 0, viewHash: viewHash(), lag: this.lag() })
  }

  /** Answers a Ping of the peer. */
  answer({ seq }: Ping): void {
    const { send, viewHash } = this.options
    send({ _tag: "Pong", seq, viewHash: viewHash(), lag: this.lag() })
  }

  /** Returns for how long nothing was heard, in milliseconds, without the stalls of this process. */
  silence(at: number): number {
    return at - this.silentSince
  }

  /** Keeps time until the link must end, and returns why. */
  run(): Effect.Effect<LinkEnd> {
    return Effect.gen({ self: this }, function* () {
      const { effectiveLinkTimeout, now, timing } = this.options
      let nextPing = this.startedAt + timing.heartbeat
      while (true) {
        const before = now()
        const due = Math.min(nextPing, this.silentSince + effectiveLinkTimeout())
        const pause = Math.max(1, due - before)
        yield* Effect.sleep(pause)
        const at = now()
        this.late = at - before - pause
        if (this.late > stallMillis) this.excuseStall(at)
        const end = this.check(at)
        if (end !== undefined) return end
        if (at < nextPing) continue
        nextPing = at + timing.heartbeat
        // A peer with another policy may send less often than this side tolerates silence, so this side pings it.
        if (this.options.drives || this.silence(at) >= timing.linkTimeout / 2) this.ping()
      }
    })
  }

  private excuseStall(at: number): void {
    this.silentSince = Math.min(at, this.silentSince + this.late)
    this.options.excuseWrite(this.late, at)
  }

  private check(at: number): LinkEnd | undefined {
    const { effectiveLinkTimeout, isSlow, leavingSince, limits } = this.options
    if (isSlow(at)) return { _tag: "Slow" }
    const left = leavingSince()
    if (left !== undefined && at - left >= limits.drainTimeout) return { _tag: "Overstayed" }
    return this.silence(at) >= effectiveLinkTimeout() ? { _tag: "Silent" } : undefined
  }
}
