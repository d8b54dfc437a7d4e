/**
 * Positions in the sequence of a store. Pure but for their own state: the caller has the storage and the streams.
 *
 * A read of the storage returns everything that is committed from a sequence on. Live items come one by one, and items that
 * other instances wrote are missing between them. So a live item is taken only if it continues the sequence. Otherwise the
 * storage is read again.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"

/** First and last sequence of an item. A batch of several entries has one sequence for each. */
export interface Span {
  readonly first: number
  readonly last: number
}

/** Items of a store in the order of their sequences: everything in the storage after `after`, up to and including `last`. */
export interface Run<A> {
  readonly after: number
  readonly last: number
  readonly items: ReadonlyArray<A>
  /** Number of the read whose backlog this is. `undefined` for live items. */
  readonly backlogOf: number | undefined
}

export interface FeedPositionOptions<A> {
  /** Lowest sequence of the storage. */
  readonly firstSequence: number
  readonly spanOf: (item: A) => Span
}

/** Position of the feed of a store, up to which everything has become runs. */
export class FeedPosition<A> {
  private readonly spanOf: (item: A) => Span
  private readonly firstSequence: number
  private position: number | undefined
  /** `true` if an item of the storage has shown that the position is one of the storage. */
  private seen = false
  /** Highest sequence that the storage has shown. */
  private highest = -Infinity
  /** `true` until the first items of a read. */
  protected isReading = false
  /** `true` if the read starts where the storage has something, so that its first items are its backlog. */
  protected hasBacklog = false
  private reads = 0

  constructor({ firstSequence, spanOf }: FeedPositionOptions<A>) {
    this.spanOf = spanOf
    this.firstSequence = firstSequence
  }

  /** Returns `false` as long as the storage may be empty from the start of the read on. Such a read does not tell when it ends. */
  get isSeen(): boolean {
    return this.seen
  }

  /**
   * Adds a reader that has everything up to a position. Returns `behind` if the reader must read the storage by itself up to
   * the position of the feed, and the number of the read whose backlog the reader gets if it is the first one.
   */
  join(position: number): "behind" | "joined" | number {
    if (this.position === undefined) {
      this.position = position
      return this.reads + 1
    }
    if (position >= this.position) return "joined"
    if (this.seen) return "behind"
    // Nothing was read yet, so the next read may start earlier.
    this.position = position
    this.hasBacklog = false
    return "joined"
  }

  /**
   * Begins a read. Returns the sequence at which it starts: that of the last item, which the storage has, so that the read
   * has a backlog and tells when it ends.
   */
  startRead(): number {
    const position = this.position ?? this.firstSequence - 1
    this.reads++
    this.isReading = true
    this.hasBacklog = this.highest > position
    return Math.max(position, this.firstSequence)
  }

  /**
   * Takes items of the read. Returns the run that they make, if any, and `isMissing` if items between the position and these
   * are missing, so that the storage must be read again.
   */
  take(items: NonEmptyReadonlyArray<A>): { readonly run: Run<A> | undefined; readonly isMissing: boolean } {
    const position = this.position ?? this.firstSequence - 1
    const head = this.spanOf(items[0])
    const isBacklog = this.isReading && (this.hasBacklog || (head.first <= position && position <= head.last))
    this.isReading = false
    const taken: Array<A> = []
    let last = position
    let isMissing = false
    for (const item of items) {
      const span = this.spanOf(item)
      if (span.last > this.highest) this.highest = span.last
      if (span.last <= last) continue
      if (!isBacklog && span.first > last + 1) {
        isMissing = true
        break
      }
      taken.push(item)
      last = span.last
    }
    if (isBacklog || taken.length > 0) this.seen = true
    this.position = last
    const backlogOf = isBacklog ? this.reads : undefined
    return { run: taken.length === 0 ? undefined : { after: position, last, items: taken, backlogOf }, isMissing }
  }
}

export interface ReaderPositionOptions<A> {
  /** Position up to which the reader has everything. */
  readonly position: number
  readonly spanOf: (item: A) => Span
}

/** Position of one reader, up to which it has everything. */
export class ReaderPosition<A> {
  private readonly spanOf: (item: A) => Span
  protected last: number

  constructor({ position, spanOf }: ReaderPositionOptions<A>) {
    this.spanOf = spanOf
    this.last = position
  }

  /** Position up to which the reader has everything. */
  get position(): number {
    return this.last
  }

  /** Returns the items of a run that the reader does not have, or `missing` if it lacks items before the run. */
  take(run: Run<A>): ReadonlyArray<A> | "missing" {
    return run.after > this.last ? "missing" : this.takeBacklog(run.items)
  }

  /** Returns the items that the reader does not have, of a read of the storage that starts at its position. */
  takeBacklog(items: ReadonlyArray<A>): ReadonlyArray<A> {
    const taken: Array<A> = []
    for (const item of items) {
      const { last } = this.spanOf(item)
      if (last <= this.last) continue
      taken.push(item)
      this.last = last
    }
    return taken
  }
}
