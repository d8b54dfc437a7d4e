/**
 * Vertical layout of a trace. Positions are in rows; the view defines the height of a row in pixels.
 */
import type { Event } from "../../../Trace.ts"
import type { Causality } from "../../causality.ts"
import { type Timeline, TimelineBuilder } from "./TimelineBuilder.ts"

export type { Fold, Instant, Timeline } from "./TimelineBuilder.ts"

/** Lays out events. Each event is below every earlier event, and does not overlap the other marks of its lane. */
export const timelineOf = (events: ReadonlyArray<Event>, causality: Causality): Timeline => {
  const builder = new TimelineBuilder(events, causality)
  for (let first = 0; first < events.length;) first = builder.addInstant(first)
  return builder.result()
}

/** Returns the virtual time of the first instant at or below a row. */
export const timeAt = ({ instants }: Timeline, row: number): number =>
  (instants.find(({ top }) => top >= row) ?? instants.at(-1))?.at ?? 0
