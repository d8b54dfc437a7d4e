/**
 * Scheduled events, ordered by time. Within one instant the ends of faults come first, then faults, then all other
 * events in the order of scheduling. The position of a fault is therefore the same for a fault that was drawn during
 * the run and for a fault of a plan.
 */

/** Order within one instant: the smaller rank comes first. */
export const rank = { faultOver: 0, fault: 1, usual: 2 } as const
export type Rank = (typeof rank)[keyof typeof rank]

/** Function that is called at a time, unless it is cancelled. */
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

/** Binary heap of events. A cancelled event stays in the heap until it reaches the top. */
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
