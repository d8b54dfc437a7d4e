/**
 * The markers of sessions that wait for one reader. Messages are bounded by the credit of their senders, but a peer can begin and
 * end sessions as often as it connects. So when a reader stands still, the oldest sessions that brought no message are dropped,
 * with both of their markers: the reader never learns of them, and has nothing to forget.
 */
import type { SessionEnded, SessionStarted } from "../Message.ts"
import type { PeerId } from "../Peer.ts"

/** Number of markers that may wait before the oldest are dropped: two for each peer of the largest cluster that is meant. */
export const maxSessionMarks = 2_048

/** Marker of a session. */
export type SessionMark = SessionStarted | SessionEnded

interface Tagged {
  readonly _tag: string
}

/** Buffer in which the markers wait between the messages. */
export interface Marked {
  readonly mark: (mark: SessionMark) => void
  readonly removeMarks: (isGone: (mark: Tagged) => boolean) => void
  /** Yields the senders and sessions of the messages that wait. */
  readonly senders: () => Iterable<{ readonly from: PeerId; readonly session: number }>
}

export class SessionMarks {
  private readonly buffer: Marked
  private waiting = 0
  private limit = maxSessionMarks

  constructor(buffer: Marked) {
    this.buffer = buffer
  }

  /** Puts a marker behind what waits. */
  add(mark: SessionMark): void {
    this.buffer.mark(mark)
    this.waiting++
    if (this.waiting > this.limit) this.trim()
  }

  /** The reader has taken a marker. */
  onTaken(mark: Tagged): void {
    if (isSessionMark(mark)) this.waiting--
  }

  /** Drops the oldest sessions without messages until half of the allowed markers wait. */
  private trim(): void {
    const surplus = Math.ceil((this.waiting - maxSessionMarks / 2) / 2)
    const gone = new Set(this.emptySessions().slice(0, surplus))
    this.buffer.removeMarks((mark) => isSessionMark(mark) && gone.has(keyOf(mark)))
    this.waiting -= 2 * gone.size
    // The others are bounded by links and messages. A trim that finds few must not run for each marker.
    this.limit = Math.max(maxSessionMarks, 2 * this.waiting)
  }

  /** Returns the sessions of which both markers wait and no message, in the order of their ends. */
  private emptySessions(): ReadonlyArray<string> {
    const withMessages = new Set<string>()
    for (const sender of this.buffer.senders()) withMessages.add(keyOf(sender))
    const started = new Set<string>()
    const empty: Array<string> = []
    this.buffer.removeMarks((mark) => {
      if (!isSessionMark(mark)) return false
      const key = keyOf(mark)
      if (mark._tag === "SessionStarted") started.add(key)
      else if (started.has(key) && !withMessages.has(key)) empty.push(key)
      return false
    })
    return empty
  }
}

const isSessionMark = (mark: Tagged): mark is SessionMark =>
  mark._tag === "SessionStarted" || mark._tag === "SessionEnded"

const keyOf = ({ from, session }: { readonly from: PeerId; readonly session: number }): string =>
  `${session} ${from.generation} ${from.name}`
