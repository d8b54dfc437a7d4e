/** Keeps the last events of a run, where they are wanted. */
import type { Event } from "../Trace.ts"

/** How many events a trace keeps: what a picture can still show. */
export const defaultEvents = 20_000

export interface Recorder {
  readonly enabled: boolean
  readonly add: (event: Event) => void
  readonly events: () => ReadonlyArray<Event>
  /** How many were left out at the beginning. */
  readonly skipped: () => number
}

/** Keeps nothing. */
export const none: Recorder = { enabled: false, add: () => undefined, events: () => [], skipped: () => 0 }

export const make = (limit = defaultEvents): Recorder => {
  let events: Array<Event> = []
  let skipped = 0
  const trim = (): void => {
    if (events.length <= limit) return
    skipped += events.length - limit
    events = events.slice(events.length - limit)
  }
  return {
    enabled: true,
    add: (event) => {
      events.push(event)
      if (events.length >= 2 * limit) trim()
    },
    events: () => {
      trim()
      return events
    },
    skipped: () => {
      trim()
      return skipped
    },
  }
}
