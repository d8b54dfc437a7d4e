/**
 * What is to happen, in the order of time: one fiber sleeps until the earliest event, and there is no
 * fiber while nothing is to happen.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Agenda, type Entry } from "../kernel/Agenda.ts"
import type { Timeline } from "../network/World.ts"

/** A timeline on the given clock. The context is that of the fiber that sleeps. */
export const make = (clock: Clock.Clock, context: Context.Context<never>): Timeline => {
  const agenda = new Agenda()
  let sleeper: Fiber.Fiber<void> | undefined
  let wakesAt = Number.POSITIVE_INFINITY
  let firing = false

  const now = () => Math.round(Number(clock.monotonicTimeNanosUnsafe()) / 1000)

  const fire = (reached: number): void => {
    // The sleep is over, so its time has come even if the clock rounds otherwise.
    const due = Math.max(reached, now())
    const entries: Array<Entry> = []
    for (let next = agenda.peek(); next !== undefined && next.at <= due; next = agenda.peek()) {
      entries.push(next)
      agenda.next()
    }
    firing = true
    for (const entry of entries) {
      const run = entry.run
      entry.run = undefined
      run?.()
    }
    firing = false
  }

  const sleep: Effect.Effect<void> = Effect.suspend(() => {
    const next = agenda.peek()
    if (next === undefined) {
      sleeper = undefined
      wakesAt = Number.POSITIVE_INFINITY
      return Effect.void
    }
    wakesAt = next.at
    const wait = next.at - now()
    // Never at once: what is scheduled must not happen inside the call that scheduled it.
    const waited = wait > 0 ? clock.sleep(Duration.millis(wait / 1000)) : Effect.yieldNow
    return Effect.flatMap(waited, () => {
      fire(next.at)
      return sleep
    })
  })

  /** Makes the one fiber sleep until the earliest event. */
  const arm = (): void => {
    if (firing) return
    const next = agenda.peek()
    if (next !== undefined && sleeper !== undefined && next.at >= wakesAt) return
    sleeper?.interruptUnsafe()
    sleeper = undefined
    wakesAt = Number.POSITIVE_INFINITY
    if (next !== undefined) sleeper = Effect.runForkWith(context)(sleep)
  }

  return {
    now,
    schedule: (at, run) => {
      const entry = agenda.add(at, run)
      arm()
      return {
        cancel: () => {
          if (entry.run === undefined) return
          entry.cancel()
          arm()
        },
      }
    },
  }
}
