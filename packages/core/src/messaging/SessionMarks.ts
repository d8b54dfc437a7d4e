/**
 * Markers of sessions that wait for one reader. Credit bounds the messages that wait, but a peer can begin and end sessions as
 * often as it connects. While a reader stands still, `SessionMarks` therefore drops the oldest sessions that began and ended
 * without a message, with both markers. It keeps the newest ended session of each peer: its end tells the reader that all
 * earlier sessions with the peer are over, also those in which the reader only sent. So a dropped session has a smaller number
 * than a session with the same peer of which the reader still gets the end.
 */
import type { ViewItem } from "../Lane.ts"
import type { Message, SessionEnded, SessionStarted } from "../Message.ts"

/**
 * Number of markers that may wait before the oldest are dropped: two for each peer of the largest cluster that is meant. The
 * markers that must stay may exceed it.
 */
export const maxSessionMarks = 2_048

/**
 * Number of peers of which the newest ended session is kept: sixteen times the default of `limits.links`, some megabytes. Without
 * this bound a peer that connects under ever new names would fill the memory.
 */
export const maxEndedPeers = 16_384

/** Marker of a session. */
export type SessionMark = SessionStarted | SessionEnded

/** Buffer in which the markers wait between the messages. */
export interface Marked {
  readonly mark: (mark: SessionMark) => void
  readonly removeMarks: (isGone: (mark: SessionMark | ViewItem) => boolean) => void
  /** Yields everything that waits, in order. */
  readonly waiting: () => Iterable<Message | SessionMark | ViewItem>
}

export interface Options {
  readonly buffer: Marked
  /** Number of markers that may wait. Defaults to {@link maxSessionMarks}. */
  readonly capacity?: number
  /** Number of peers of which the newest ended session is kept. Defaults to {@link maxEndedPeers}. */
  readonly peers?: number
}

export class SessionMarks {
  private readonly buffer: Marked
  private readonly capacity: number
  private readonly peers: number
  /** Number of markers that wait. */
  private waiting = 0
  /** Number of markers that the last trim left and that still wait. */
  private left = 0

  constructor({ buffer, capacity = maxSessionMarks, peers = maxEndedPeers }: Options) {
    this.buffer = buffer
    this.capacity = capacity
    this.peers = peers
  }

  /** Puts a marker behind everything that waits. */
  add(mark: SessionMark): void {
    this.buffer.mark(mark)
    this.waiting++
    // A trim looks at everything that waits, so it must not run for each marker while most of them must stay.
    if (this.waiting > Math.max(this.capacity, this.left + this.capacity / 2)) this.trim()
  }

  /** Takes note of a mark that the reader has taken. */
  onTaken(mark: SessionMark | ViewItem): void {
    if (!isSessionMark(mark)) return
    this.waiting--
    this.left = Math.max(0, this.left - 1)
  }

  /** Drops the oldest sessions that may be dropped until half of {@link Options.capacity} is left, or only markers that stay. */
  private trim(): void {
    const surplus = Math.ceil((this.waiting - this.capacity / 2) / 2)
    const gone = new Set(this.droppable().slice(0, surplus))
    this.buffer.removeMarks((mark) => isSessionMark(mark) && gone.has(mark.session))
    this.waiting -= 2 * gone.size
    this.left = this.waiting
  }

  /** Returns the numbers of the sessions that may be dropped, in the order of their ends. */
  private droppable(): ReadonlyArray<number> {
    const { empty, newest } = this.ended()
    const droppable: Array<number> = []
    let peers = newest.size
    for (const { from, session } of empty) {
      const isCovered = session !== newest.get(from.name)
      if (isCovered || peers > this.peers) droppable.push(session)
      if (!isCovered) peers--
    }
    return droppable
  }

  /**
   * Returns the ends of the sessions of which both markers wait and no message, in order, and the greatest session of each peer
   * whose end waits. A peer is a name here, because a newer life of a name replaces the older ones. The number of a session is
   * unique among the sessions of this node with all peers.
   */
  private ended(): { readonly empty: ReadonlyArray<SessionEnded>; readonly newest: ReadonlyMap<string, number> } {
    const started = new Set<number>()
    const withMessages = new Set<number>()
    const ends: Array<SessionEnded> = []
    const newest = new Map<string, number>()
    for (const item of this.buffer.waiting()) {
      if (item._tag === "Message") withMessages.add(item.session)
      else if (item._tag === "SessionStarted") started.add(item.session)
      else if (item._tag === "SessionEnded") {
        ends.push(item)
        newest.set(item.from.name, Math.max(item.session, newest.get(item.from.name) ?? 0))
      }
    }
    return { empty: ends.filter(({ session }) => started.has(session) && !withMessages.has(session)), newest }
  }
}

/** Tests whether the mark is of a session, and not of the view. */
export const isSessionMark = (mark: SessionMark | ViewItem): mark is SessionMark =>
  mark._tag === "SessionStarted" || mark._tag === "SessionEnded"
