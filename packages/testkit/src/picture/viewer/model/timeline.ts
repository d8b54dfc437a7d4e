/**
 * Vertical layout of a trace. Positions are in rows; the view defines the height of a row in pixels.
 */
import type { Event } from "../../../Trace.ts"
import type { Causality } from "../../causality.ts"
import { TimelineBuilder } from "./TimelineBuilder.ts"

/** Idle time that is not drawn to scale. */
export interface Fold {
  readonly top: number
  readonly bottom: number
  /** Virtual time at `top` and `bottom`, in microseconds. */
  readonly from: number
  readonly to: number
}

/** Point in virtual time with its events. An effect is below its cause, even at the same time. */
export interface Instant {
  readonly at: number
  readonly top: number
  readonly bottom: number
  /** First event, and first event of the next instant. */
  readonly first: number
  readonly end: number
}

/** Rows of all events. */
export interface Timeline {
  /** Row of each event. */
  readonly rowOf: ReadonlyArray<number>
  /** Number of rows. */
  readonly height: number
  readonly folds: ReadonlyArray<Fold>
  readonly instants: ReadonlyArray<Instant>
}

/** Lays out events: below every earlier event, and clear of the other marks of their lane. */
export const timelineOf = (events: ReadonlyArray<Event>, causality: Causality): Timeline => {
  const builder = new TimelineBuilder(events, causality)
  for (let first = 0; first < events.length;) first = builder.addInstant(first)
  return builder.result()
}

/** Returns the virtual time of the first instant at or below a row. */
export const timeAt = ({ instants }: Timeline, row: number): number =>
  (instants.find(({ top }) => top >= row) ?? instants.at(-1))?.at ?? 0
