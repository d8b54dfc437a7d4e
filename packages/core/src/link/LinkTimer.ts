/**
 * Timer of all links of a node. Links that are due in one tick share one wake-up of the process, which costs more than
 * the Pings that it sends (docs/decisions/0036).
 */
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"
import { stallMillis } from "../internal/time.ts"
import { TimerWheel } from "../internal/TimerWheel.ts"

/** Number of ticks per heartbeat. With more ticks, fewer links share a tick, and fewer Pings are written at once. */
const ticksPerHeartbeat = 10

/** Minimum duration of a tick in milliseconds. Timers of the system are not more precise. */
const minTick = 1

/** Maximum duration of a tick in milliseconds. Each link is visited once a second, however long the heartbeat is. */
const maxTick = 250

/**
 * Number of consecutive links whose Pings share a tick, before another tick gets Pings. In a small cluster all links
 * share one wake-up per heartbeat, and this number of Pings takes about a millisecond.
 */
const linksPerTick = 16

/** Link as its timer sees it. */
export interface TimedLink {
  /** Does what is due at this time. Returns the time of the next visit, or `undefined` if the link has ended. */
  readonly visit: (at: number) => number | undefined
  /** Excludes a stall of this process from all times of the link. `late` is the duration in milliseconds. */
  readonly excuseStall: (late: number, at: number) => void
  /** Ends the link, because one of its functions threw this defect. */
  readonly fail: (defect: unknown) => void
}

export interface Options {
  /** Interval of the Pings in milliseconds. */
  readonly heartbeat: number
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number
}

/** Timer of the links of a node. One fiber waits for the next tick with a due link. It does not run without links. */
export class LinkTimer {
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number
  private readonly tick: number
  private readonly wheel: TimerWheel<TimedLink>
  /** Starts the fiber in place of the running one. */
  private readonly start: (loop: Effect.Effect<void>) => unknown
  /** Time at which the fiber wakes up: infinity while it does not run, and less than any time while it visits links. */
  private armedFor = Number.POSITIVE_INFINITY
  private late = 0
  private silentAt = Number.NEGATIVE_INFINITY
  /** Number of links that have got a place. */
  private placed = 0

  constructor({ heartbeat, now }: Options, start: (loop: Effect.Effect<void>) => unknown) {
    this.now = now
    this.tick = Math.min(maxTick, Math.max(minTick, Math.round(heartbeat / ticksPerHeartbeat)))
    // Whole milliseconds keep the starts of the ticks exact.
    this.wheel = new TimerWheel(this.tick, Math.floor(now()))
    this.start = start
  }

  /** Delay of the last wake-up, or duration of a stall after it, in milliseconds. */
  get lag(): number {
    return this.late
  }

  /** Time at which a link of this node last ended for silence; negative infinity if none has. */
  get lastSilence(): number {
    return this.silentAt
  }

  /** Records that a link has ended for silence. Visits all links at once, because they may be silent as well. */
  noteSilence(at: number): void {
    // Many links may end in one tick.
    if (at <= this.silentAt) return
    this.silentAt = at
    for (const link of [...this.wheel.values()]) this.add(link, at)
  }

  /** Returns the number of a new link, which counts the links of the node. */
  takePlace(): number {
    return this.placed++
  }

  /**
   * Returns the time of the first Ping of the link with this number, which is the start of a tick within its interval.
   * The links are spread over the ticks.
   */
  firstPing(place: number, at: number, interval: number): number {
    const ticks = Math.max(1, Math.floor(interval / this.tick))
    const tick = Math.floor(place / linksPerTick) % ticks
    return Math.min(at + interval, this.wheel.startAfter(at) + (ticks - 1 - tick) * this.tick)
  }

  /** Visits the link when it is due, and then at the times that the visits return. */
  add(link: TimedLink, due: number): void {
    this.wheel.add(link, due)
    if (this.wheel.next() < this.armedFor) this.start(this.run)
  }

  /** Ends the visits of the link. */
  remove(link: TimedLink): void {
    this.wheel.delete(link)
  }

  private readonly run: Effect.Effect<void> = Effect.suspend(() => LinkTimer.visitAll(this))

  private static readonly visitAll = Effect.fnUntraced(function* (timer: LinkTimer) {
    const { now, wheel } = timer
    while (wheel.size > 0) {
      const before = now()
      // Timers of the system count whole milliseconds, and would wake up too early for a fraction.
      const pause = Math.max(1, Math.ceil(wheel.next() - before))
      timer.armedFor = before + pause
      yield* Effect.sleep(pause)
      timer.armedFor = Number.NEGATIVE_INFINITY
      const at = now()
      timer.late = at - before - pause
      if (timer.late > stallMillis) timer.excuseStall(timer.late, at)
      for (const link of wheel.advance(at)) {
        // Lets the link write its Ping before the Ping of the next link, and bounds the work of one turn.
        if (timer.visit(link, at)) yield* Effect.yieldNow
      }
      // The process may also have stalled between two visits.
      const after = now()
      if (after - at > stallMillis) {
        timer.late = after - at
        timer.excuseStall(timer.late, after)
      }
    }
    timer.armedFor = Number.POSITIVE_INFINITY
  })

  /** Visits a link. Returns `true` if the link continues. A defect ends this link only. */
  private visit(link: TimedLink, at: number): boolean {
    try {
      const due = link.visit(at)
      if (due !== undefined) this.wheel.add(link, due)
      return due !== undefined
    } catch (defect) {
      link.fail(defect)
      return false
    }
  }

  private excuseStall(late: number, at: number): void {
    for (const link of [...this.wheel.values()]) {
      try {
        link.excuseStall(late, at)
      } catch (defect) {
        link.fail(defect)
      }
    }
  }
}

/** Makes the timer of a node, which runs in the scope. */
export const make = (options: Options): Effect.Effect<LinkTimer, never, Scope.Scope> =>
  Effect.map(FiberHandle.makeRuntime<never, never, void>(), (start) => new LinkTimer(options, start))
