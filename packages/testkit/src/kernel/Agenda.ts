/**
 * What is to happen, ordered by time; at one instant the ends of faults come first, then faults, and then the rest in the
 * order in which it was scheduled. So the place of a fault is the same whether it was drawn as time went by or
 * stood in a plan from the start.
 */

/** What comes first within one instant. */
export const rank = { faultOver: 0, fault: 1, usual: 2 } as const
export type Rank = (typeof rank)[keyof typeof rank]

/** Something that will happen unless it is cancelled. */
export interface Entry {
  readonly at: number
  readonly rank: Rank
  readonly seq: number
  /** `undefined` once it happened or was cancelled. */
  run: (() => void) | undefined
  readonly cancel: () => void
}

class ScheduledEntry implements Entry {
  readonly at: number
  readonly rank: Rank
  readonly seq: number
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

const before = (a: Entry, b: Entry): boolean =>
  a.at < b.at || (a.at === b.at && (a.rank < b.rank || (a.rank === b.rank && a.seq < b.seq)))

/** A binary heap. A cancelled entry stays until it comes to the top. */
export class Agenda {
  private readonly heap: Array<Entry> = []
  private seq = 0

  add(at: number, run: () => void, which: Rank = rank.usual): Entry {
    const entry = new ScheduledEntry(Math.round(at), which, this.seq++, run)
    const { heap } = this
    let i = heap.length
    while (i > 0) {
      const above = (i - 1) >>> 1
      const parent = heap[above]
      if (parent === undefined || before(parent, entry)) break
      heap[i] = parent
      i = above
    }
    heap[i] = entry
    return entry
  }

  /** The earliest entry that is still to happen. */
  peek(): Entry | undefined {
    for (let first = this.heap[0]; first !== undefined; first = this.heap[0]) {
      if (first.run !== undefined) return first
      this.remove()
    }
    return undefined
  }

  /** Takes it out. */
  next(): Entry | undefined {
    const first = this.peek()
    if (first !== undefined) this.remove()
    return first
  }

  private remove(): void {
    const { heap } = this
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
}
