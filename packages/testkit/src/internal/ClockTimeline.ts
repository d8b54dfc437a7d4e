/**
 * Timeline on Effect's `Clock`. One fiber sleeps until the earliest event. While nothing is scheduled, no fiber exists.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { EventQueue, type ScheduledEvent } from "../kernel/EventQueue.ts"
import type { Scheduled, Timeline } from "../network/Environment.ts"

export class ClockTimeline implements Timeline {
  private readonly clock: Clock.Clock
  private readonly context: Context.Context<never>
  private readonly events = new EventQueue()
  private sleeper: Fiber.Fiber<void> | undefined
  private wakesAt = Number.POSITIVE_INFINITY
  private firing = false

  /** Makes an empty timeline. Its sleeping fiber runs in the given context. */
  constructor(clock: Clock.Clock, context: Context.Context<never>) {
    this.clock = clock
    this.context = context
  }

  now(): number {
    return Math.round(Number(this.clock.monotonicTimeNanosUnsafe()) / 1000)
  }

  schedule(at: number, run: () => void): Scheduled {
    const event = this.events.schedule(at, run)
    this.arm()
    return {
      cancel: () => {
        if (event.run === undefined) return
        event.cancel()
        this.arm()
      },
    }
  }

  private fire(reached: number): void {
    // The sleep has ended, so its event is due even if the clock rounds to an earlier time.
    const due = Math.max(reached, this.now())
    const events: Array<ScheduledEvent> = []
    for (let next = this.events.peek(); next !== undefined && next.at <= due; next = this.events.peek()) {
      events.push(next)
      this.events.pop()
    }
    this.firing = true
    for (const event of events) {
      const { run } = event
      event.run = undefined
      run?.()
    }
    this.firing = false
  }

  private readonly sleep: Effect.Effect<void> = Effect.suspend(() => {
    const next = this.events.peek()
    if (next === undefined) {
      this.sleeper = undefined
      this.wakesAt = Number.POSITIVE_INFINITY
      return Effect.void
    }
    this.wakesAt = next.at
    const wait = next.at - this.now()
    // Yields at least once: an event must not happen inside the call that scheduled it.
    const waited = wait > 0 ? this.clock.sleep(Duration.millis(wait / 1000)) : Effect.yieldNow
    return Effect.flatMap(waited, () => {
      this.fire(next.at)
      return this.sleep
    })
  })

  /** Starts the fiber that sleeps until the earliest event, or replaces it if an earlier event was scheduled. */
  private arm(): void {
    if (this.firing) return
    const next = this.events.peek()
    if (next !== undefined && this.sleeper !== undefined && next.at >= this.wakesAt) return
    this.sleeper?.interruptUnsafe()
    this.sleeper = undefined
    this.wakesAt = Number.POSITIVE_INFINITY
    if (next !== undefined) this.sleeper = Effect.runForkWith(this.context)(this.sleep)
  }
}
