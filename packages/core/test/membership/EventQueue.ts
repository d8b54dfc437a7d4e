/** Queue of events by time. It is a binary heap that returns events of equal time in the order of their addition. */

interface Entry<A> {
  readonly at: number
  readonly order: number
  readonly event: A
}

const isBefore = <A>(a: Entry<A>, b: Entry<A>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class EventQueue<A> {
  private readonly heap: Array<Entry<A>> = []
  private order = 0

  /** Adds an event. */
  add(at: number, event: A): void {
    const { heap } = this
    const entry = { at, order: ++this.order, event }
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = entry
  }

  /** Removes and returns the first event, if its time is not after `time`. */
  takeUntil(time: number): { readonly at: number; readonly event: A } | undefined {
    const { heap } = this
    const top = heap[0]
    if (top === undefined || top.at > time) return undefined
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let i = 0
    while (true) {
      let child = 2 * i + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, below)) {
        child++
        below = right
      }
      if (!isBefore(below, last)) break
      heap[i] = below
      i = child
    }
    heap[i] = last
    return top
  }
}
