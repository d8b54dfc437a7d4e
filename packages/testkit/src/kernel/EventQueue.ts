/**
 * Scheduled events, ordered by time. Within one instant the ends of faults come first, then faults, then the rest in the
 * order in which it was scheduled. So the position of a fault does not depend on whether the fault was drawn during the
 * run or stood in a plan from the start.
 */

/** Order within one instant: the smaller rank comes first. */
export const rank = { faultOver: 0, fault: 1, usual: 2 } as const
export type Rank = (typeof rank)[keyof typeof rank]

/** A function that will be called at a time, unless it is cancelled. */
export class ScheduledEvent {
  readonly at: number
  readonly rank: Rank
  readonly seq: number
  /** `undefined` once the event has happened or was cancelled. */
  run: (() => void) | undefined

  constructor(at: number, rank: Rank, seq: number, run: () => void) {
    this.at = at
    this.rank = rank
    this.seq = seq
    this.run = run
  }

  cancel(): void {
    this.run = undefined
  }
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.at < b.at || (a.at === b.at && (a.rank < b.rank || (a.rank === b.rank && a.seq < b.seq)))

/** A binary heap. A cancelled event stays in the heap until it comes to the top. */
export class EventQueue {
  private readonly heap: Array<ScheduledEvent> = []
  private seq = 0

  /** Adds an event. The time is rounded to whole microseconds. */
  schedule(at: number, run: () => void, which: Rank = rank.usual): ScheduledEvent {
    const event = new ScheduledEvent(Math.round(at), which, this.seq++, run)
    const { heap } = this
    let i = heap.length
    while (i > 0) {
      const above = (i - 1) >>> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, event)) break
      heap[i] = parent
      i = above
    }
    heap[i] = event
    return event
  }

  /** Returns the earliest event that is not cancelled. */
  peek(): ScheduledEvent | undefined {
    for (let first = this.heap[0]; first !== undefined; first = this.heap[0]) {
      if (first.run !== undefined) return first
      this.removeFirst()
    }
    return undefined
  }

  /** Removes and returns the earliest event that is not cancelled. */
  pop(): ScheduledEvent | undefined {
    const first = this.peek()
    if (first !== undefined) this.removeFirst()
    return first
  }

  private removeFirst(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let below = 2 * i + 1
      let child = heap[below]
      const right = heap[below + 1]
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        child = right
        below += 1
      }
      if (child === undefined || isBefore(last, child)) break
      heap[i] = child
      i = below
    }
    heap[i] = last
  }
}
