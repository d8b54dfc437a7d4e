/** Recorder of the last events of a run, if the run has a trace. */
import type { Event } from "../Trace.ts"

/** Default number of events that a trace keeps. A picture can show so many. */
export const defaultEvents = 20_000

export class Recorder {
  private readonly limit: number | undefined
  private kept: Array<Event> = []
  private dropped = 0

  /** Makes a recorder that keeps at most `limit` events. Without a limit it records nothing. */
  constructor(limit: number | undefined) {
    this.limit = limit
  }

  get enabled(): boolean {
    return this.limit !== undefined
  }

  add(event: Event): void {
    if (this.limit === undefined) return
    this.kept.push(event)
    // Trims rarely, because trimming copies all events.
    if (this.kept.length >= 2 * this.limit) this.trim()
  }

  /** Returns the last events. */
  events(): ReadonlyArray<Event> {
    this.trim()
    return this.kept
  }

  /** Returns the number of events that were dropped before the last ones. */
  skipped(): number {
    this.trim()
    return this.dropped
  }

  private trim(): void {
    const excess = this.kept.length - (this.limit ?? 0)
    if (excess <= 0) return
    this.dropped += excess
    this.kept = this.kept.slice(excess)
  }
}
