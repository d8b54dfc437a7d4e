/**
 * Builder of a timeline. It lays out one instant below the other.
 */
import type { Event } from "../../../Trace.ts"
import type { Causality } from "../../causality.ts"
import { simulationLane, unknownLane } from "../../lanes.ts"

/** Idle time that is not drawn to scale. */
export interface Fold {
  readonly top: number
  readonly bottom: number
  /** Virtual time at `top` and `bottom`, in microseconds. */
  readonly from: number
  readonly to: number
}

/** Point in virtual time with its events. An effect is below its cause, also at the same time. */
export interface Instant {
  readonly at: number
  readonly top: number
  readonly bottom: number
  /** First event of this instant, and first event of the next instant. */
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

/** Number of rows between two marks of one lane, so that they do not overlap. */
const rowHeight = 1
/**
 * Number of rows between two sends of one node at one instant, which need less room because they have no label in the
 * lane.
 */
const sendHeight = 0.6
/** Minimum number of rows between two instants. */
const minimumGap = 0.45
/** Number of rows of the median gap between two instants. Other gaps are proportional, up to `proportionalGap` rows. */
const medianGap = 1.2
const proportionalGap = 3
/** Number of rows of a fold. */
const foldHeight = 2.4

/** Scale from virtual time to rows. */
interface GapScale {
  /** Median time between two instants, in microseconds. */
  readonly median: number
  /** Time above which a gap is folded, in microseconds. */
  readonly idle: number
}

const gapScaleOf = (events: ReadonlyArray<Event>): GapScale => {
  const gaps: Array<number> = []
  let clock = 0
  for (const [index, { at }] of events.entries()) {
    if (index > 0 && at > clock) gaps.push(at - clock)
    clock = Math.max(clock, at)
  }
  gaps.sort((a, b) => a - b)
  const median = gaps[Math.floor(gaps.length * 0.5)] ?? 1
  // A gap is idle if it is far longer than the usual gap and than the usual gap between bursts.
  return { median, idle: Math.max(10 * median, 6 * (gaps[Math.floor(gaps.length * 0.75)] ?? 1)) }
}

/**
 * Returns the number of rows of a gap that is not folded: proportional to a short time, logarithmic for a long time.
 */
const rowsOf = (gap: number, { median }: GapScale): number => {
  const rows = (gap * medianGap) / median
  return rows <= proportionalGap ? Math.max(minimumGap, rows) : proportionalGap + 1.5 * Math.log(rows / proportionalGap)
}

/** Returns the number of rows between a cause and its effect at one instant. */
const rowsBetween = (cause: Event | undefined, effect: Event | undefined): number => {
  // A loss is drawn on its arrow and needs no room.
  if (effect?._tag === "Lost") return 0
  return cause?._tag === "Sent" && effect?._tag === "Sent" ? sendHeight : rowHeight
}

export class TimelineBuilder {
  private readonly events: ReadonlyArray<Event>
  private readonly causality: Causality
  private readonly scale: GapScale
  private readonly rowOf: Array<number> = []
  private readonly folds: Array<Fold> = []
  private readonly instants: Array<Instant> = []
  /** Row of the lowest mark of each lane. */
  private readonly lowest = new Map<number, number>()
  private bottom = 0

  constructor(events: ReadonlyArray<Event>, causality: Causality) {
    this.events = events
    this.causality = causality
    this.scale = gapScaleOf(events)
  }

  /** Lays out the instant that begins with event `first`. Returns the first event of the next instant. */
  addInstant(first: number): number {
    const { events } = this
    const previous = this.instants.at(-1)
    // A time that is earlier than the previous time counts as the previous time.
    const at = Math.max(previous?.at ?? 0, events[first]?.at ?? 0)
    let end = first
    while (end < events.length && (events[end]?.at ?? at) <= at) end++

    const depths = this.depthsOf(first, end)
    const top = this.clearLanes(previous === undefined ? rowHeight : this.topAfter(previous, at), first, depths)
    let bottom = top
    for (const [offset, depth] of depths.entries()) {
      const row = top + depth
      this.rowOf.push(row)
      this.lowest.set(this.laneOf(first + offset), row)
      bottom = Math.max(bottom, row)
    }
    this.bottom = bottom
    this.instants.push({ at, top, bottom, first, end })
    return end
  }

  result(): Timeline {
    return { rowOf: this.rowOf, height: this.bottom + rowHeight, folds: this.folds, instants: this.instants }
  }

  private laneOf(event: number): number {
    return this.causality.laneOf[event] ?? unknownLane
  }

  /** Returns the depth of each event below the top of its instant: an effect is below its cause. */
  private depthsOf(first: number, end: number): ReadonlyArray<number> {
    const depths: Array<number> = []
    let lastOfSimulation: number | undefined
    let deepest = 0
    for (let index = first; index < end; index++) {
      const event = this.events[index]
      let depth = 0
      for (const cause of this.causality.causes[index] ?? []) {
        if (cause < first) continue
        depth = Math.max(depth, (depths[cause - first] ?? 0) + rowsBetween(this.events[cause], event))
      }
      const isOfSimulation = this.laneOf(index) === simulationLane
      if (isOfSimulation && lastOfSimulation !== undefined) depth = Math.max(depth, lastOfSimulation + rowHeight)
      if (event?._tag === "Failed") depth = Math.max(depth, deepest + rowHeight)
      if (isOfSimulation) lastOfSimulation = depth
      depths.push(depth)
      deepest = Math.max(deepest, depth)
    }
    return depths
  }

  /** Returns the top of an instant after the gap from the previous one, and folds the gap if it is idle. */
  private topAfter(previous: Instant, at: number): number {
    const gap = at - previous.at
    const isFolded = gap > this.scale.idle
    const top = this.bottom + (isFolded ? foldHeight : rowsOf(gap, this.scale))
    if (isFolded) this.folds.push({ top: this.bottom, bottom: top, from: previous.at, to: at })
    return top
  }

  /** Moves the top of an instant down until its marks do not overlap the marks above them in their lanes. */
  private clearLanes(wanted: number, first: number, depths: ReadonlyArray<number>): number {
    let top = wanted
    for (const [offset, depth] of depths.entries()) {
      const lane = this.laneOf(first + offset)
      const above = this.lowest.get(lane)
      if (above !== undefined && lane >= simulationLane) top = Math.max(top, above + rowHeight - depth)
    }
    return top
  }
}
