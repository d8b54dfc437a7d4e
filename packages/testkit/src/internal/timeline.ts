/**
 * What is to happen, in the order of time: one fiber sleeps until the earliest event, and there is no
 * fiber while nothing is to happen.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Event, Timeline } from "../network/World.ts"

interface Entry extends Event {
  readonly at: number
  readonly seq: number
  /** `undefined` once it happened or was cancelled. */
  run: (() => void) | undefined
}

/** A timeline on the given clock. The context is that of the fiber that sleeps. */
export const make = (clock: Clock.Clock, context: Context.Context<never>): Timeline => {
  // A binary heap; cancelled entries stay until they come to the top.
  const heap: Array<Entry> = []
  let seq = 0
  let sleeper: Fiber.Fiber<void> | undefined
  let wakesAt = Number.POSITIVE_INFINITY
  let firing = false

  const now = () => Math.round(Number(clock.monotonicTimeNanosUnsafe()) / 1000)

  const peek = (): Entry | undefined => {
    while (heap[0] !== undefined && heap[0].run === undefined) pop(heap)
    return heap[0]
  }

  const fire = (reached: number): void => {
    // The sleep is over, so its time has come even if the clock rounds otherwise.
    const due = Math.max(reached, now())
    const entries: Array<Entry> = []
    for (let next = peek(); next !== undefined && next.at <= due; next = peek()) {
      entries.push(next)
      pop(heap)
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
    const next = peek()
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
    const next = peek()
    if (next !== undefined && sleeper !== undefined && next.at >= wakesAt) return
    sleeper?.interruptUnsafe()
    sleeper = undefined
    wakesAt = Number.POSITIVE_INFINITY
    if (next !== undefined) sleeper = Effect.runForkWith(context)(sleep)
  }

  return {
    now,
    schedule: (at, run) => {
      const entry: Entry = {
        at: Math.round(at),
        seq: seq++,
        run,
        cancel: () => {
          if (entry.run === undefined) return
          entry.run = undefined
          arm()
        },
      }
      push(heap, entry)
      arm()
      return entry
    },
  }
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq)

const push = (heap: Array<Entry>, entry: Entry): void => {
  let i = heap.length
  while (i > 0) {
    const above = (i - 1) >>> 1
    const parent = heap[above]
    if (parent === undefined || before(parent, entry)) break
    heap[i] = parent
    i = above
  }
  heap[i] = entry
}

const pop = (heap: Array<Entry>): void => {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let i = 0
  for (;;) {
    let below = 2 * i + 1
    let child = heap[below]
    const right = heap[below + 1]
    if (child !== undefined && right !== undefined && before(right, child)) {
      child = right
      below += 1
    }
    if (child === undefined || before(last, child)) break
    heap[i] = child
    i = below
  }
  heap[i] = last
}
