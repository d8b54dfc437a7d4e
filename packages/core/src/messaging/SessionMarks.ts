/**
 * Markers of sessions that wait for one reader. Credit bounds the waiting messages, but a peer can start and end
 * sessions as often as it connects. While a reader does not take items, `SessionMarks` therefore drops the oldest
 * sessions that started and ended without a message, including both markers. It keeps the newest ended session of each
 * peer. Its end tells the reader that all earlier sessions with the peer are over, including those in which the reader
 * only sent. So a dropped session has a smaller number than a session with the same peer whose end the reader still
 * gets.
 */
import type { ViewItem } from "../Lane.ts"
import type { Message, SessionEnded, SessionStarted } from "../Message.ts"

/**
 * Number of markers that may wait before the oldest are dropped: two for each peer of the largest supported cluster.
 * The markers that must stay may exceed it.
 */
export const maxSessionMarks = 2_048

/**
 * Number of peers whose newest ended session is kept: sixteen times the default of `limits.links`, a few megabytes.
 * Without this bound, a peer that connects under ever new names would fill the memory.
 */
export const maxEndedPeers = 16_384

/** Marker of a session. */
export type SessionMark = SessionStarted | SessionEnded

/** Buffer of messages and markers. */
export interface Marked {
  readonly mark: (mark: SessionMark) => void
  readonly removeMarks: (isGone: (mark: SessionMark | ViewItem) => boolean) => void
  /** Yields all waiting items in order. */
  readonly waiting: () => Iterable<Message | SessionMark | ViewItem>
}

export interface Options {
  readonly buffer: Marked
  /** Number of markers that may wait. Defaults to {@link maxSessionMarks}. */
  readonly capacity?: number
  /** Number of peers whose newest ended session is kept. Defaults to {@link maxEndedPeers}. */
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

  /** Appends a marker. */
  add(mark: SessionMark): void {
    this.buffer.mark(mark)
    this.waiting++
    // A trim visits all waiting items, so it must not run for each marker while most of the markers must stay.
    if (this.waiting > Math.max(this.capacity, this.left + this.capacity / 2)) this.trim()
  }

  /** Records that the reader has taken a mark. */
  onTaken(mark: SessionMark | ViewItem): void {
    if (!isSessionMark(mark)) return
    this.waiting--
    this.left = Math.max(0, this.left - 1)
  }

  /**
   * Drops the oldest droppable sessions until half of {@link Options.capacity} is left, or only markers that must stay.
   */
  private trim(): void {
    const surplus = Math.ceil((this.waiting - this.capacity / 2) / 2)
    const gone = new Set(this.droppable().slice(0, surplus))
    this.buffer.removeMarks((mark) => isSessionMark(mark) && gone.has(mark.session))
    this.waiting -= 2 * gone.size
    this.left = this.waiting
  }

  /** Returns the numbers of the droppable sessions, in the order of their ends. */
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
   * Returns the ends of the sessions for which both markers and no message wait, in order, and for each peer the
   * greatest session whose end waits. A peer is identified by its name here, because a newer generation replaces the
   * older ones. The number of a session is unique among the sessions of this node with all peers.
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

/** Tests whether the mark is about a session, as opposed to the view. */
export const isSessionMark = (mark: SessionMark | ViewItem): mark is SessionMark =>
  mark._tag === "SessionStarted" || mark._tag === "SessionEnded"
