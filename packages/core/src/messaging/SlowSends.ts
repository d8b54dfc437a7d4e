/**
 * The sends that wait for a peer. If a peer accepts nothing on a lane for `limits.slowPeerTimeout`, or takes nothing for
 * which a send waits, the lane is marked as slow and reported to the application, once until the peer makes progress.
 * Each lane of a link has one entry for each of the two waits, regardless of the number of waiting sends, and all
 * entries share one fiber. A waiting send therefore needs no timer of its own.
 */
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Slowness } from "../flow/Slowness.ts"
import { monotonicMillis } from "../internal/time.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import type { PeerId } from "../Peer.ts"

/** Lane of a link that a send waits for. */
export interface Awaited {
  readonly peer: PeerId
  readonly lane: string
  readonly slowness: Slowness
  /** Mark of the other wait for the lane, if there is one. While it is set, the standstill is already reported. */
  readonly twin: Slowness | undefined
}

/** Sends of one lane that made no progress during the whole timeout. */
export interface Standstill extends Pick<Awaited, "peer" | "lane"> {
  /** Time since a message was last accepted or taken, in milliseconds. */
  readonly waited: number
  /** Bytes of the waiting messages. */
  readonly bytes: number
}

export interface Options {
  /** Time without progress after which a lane is slow, in milliseconds. */
  readonly timeout: number
  readonly clock: Clock
  /** Called when a lane has become slow. */
  readonly onSlow: (standstill: Standstill) => void
}

/** The sends that wait for one lane of one link. */
interface Entry {
  readonly awaited: Awaited
  count: number
  bytes: number
  /** Time of the last observed progress, or of the start of the first waiting send. */
  since: number
  /** Progress of the lane at that time. */
  progress: number
}

export class SlowSends {
  private readonly options: Options
  /** Entries by their lanes, ordered by deadline. */
  private readonly entries = new Map<Slowness, Entry>()
  private readonly isNeeded = Latch.makeUnsafe(false)

  constructor(options: Options) {
    this.options = options
  }

  /** Watches the lanes with waiting sends. Never ends. */
  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      const now = this.now()
      const next = this.check(now)
      if (next !== undefined) return Effect.sleep(Math.ceil(next - now))
      this.isNeeded.closeUnsafe()
      return awaitLatch(this.isNeeded)
    }),
  )

  /** Runs an effect that waits for a peer with a message of this many bytes. */
  during<A, E>(awaited: Awaited, bytes: number, wait: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const entry = this.enter(awaited, bytes)
      return Effect.ensuring(
        wait,
        Effect.sync(() => this.leave(entry, bytes)),
      )
    })
  }

  /**
   * Marks a lane as slow after a message of this many bytes was given up. Reports it if the lane was not marked before.
   */
  giveUp(awaited: Awaited, bytes: number): void {
    const waiting = this.entries.get(awaited.slowness)?.bytes ?? 0
    this.report(awaited, this.options.timeout, waiting + bytes)
  }

  private enter(awaited: Awaited, bytes: number): Entry {
    let entry = this.entries.get(awaited.slowness)
    if (entry === undefined) {
      entry = { awaited, count: 0, bytes: 0, since: this.now(), progress: awaited.slowness.progress }
      this.entries.set(awaited.slowness, entry)
      this.isNeeded.openUnsafe()
    } else this.noticeProgress(entry, this.now())
    entry.count++
    entry.bytes += bytes
    return entry
  }

  private leave(entry: Entry, bytes: number): void {
    entry.count--
    entry.bytes -= bytes
    if (entry.count === 0) this.entries.delete(entry.awaited.slowness)
    else this.noticeProgress(entry, this.now())
  }

  /** Moves the deadline of an entry if its lane has made progress. Returns `false` if it has not. */
  private noticeProgress(entry: Entry, now: number): boolean {
    const { progress } = entry.awaited.slowness
    if (entry.progress === progress) return false
    entry.progress = progress
    this.restart(entry, now)
    return true
  }

  private restart(entry: Entry, now: number): void {
    entry.since = now
    this.entries.delete(entry.awaited.slowness)
    this.entries.set(entry.awaited.slowness, entry)
  }

  /** Reports all lanes whose deadline has passed. Returns the next deadline, if there is one. */
  private check(now: number): number | undefined {
    const { timeout } = this.options
    for (const entry of this.entries.values()) {
      if (entry.since + timeout > now) return entry.since + timeout
      if (this.noticeProgress(entry, now)) continue
      this.report(entry.awaited, now - entry.since, entry.bytes)
      // The lane may make progress, and stall again while the same sends wait.
      this.restart(entry, now)
    }
    return undefined
  }

  private report({ lane, peer, slowness, twin }: Awaited, waited: number, bytes: number): void {
    if (slowness.mark() && twin?.isSlow !== true) this.options.onSlow({ peer, lane, waited, bytes })
  }

  private readonly now = (): number => monotonicMillis(this.options.clock)
}
