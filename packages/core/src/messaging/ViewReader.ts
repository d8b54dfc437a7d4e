/**
 * A reader of a lane that also gets the changes of the view, in one order with the messages and markers: the order in
 * which they happened on this node. Credit bounds the messages. A number bounds the changes of the view: beyond it they
 * are dropped and replaced with `Lagged` and a `Snapshot` of that moment. The first item is always the `Snapshot` of
 * the moment at which the reader began, even if the reader lags before its first read.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { type Notice, type View, ViewChange } from "../ClusterEvent.ts"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { LaneItem, ViewItem } from "../Lane.ts"
import type { Source } from "../peering/PeerConnection.ts"
import * as Mailbox from "./Mailbox.ts"
import type { LaneReader } from "./OpenLane.ts"
import { isSessionMark, type SessionMark, SessionMarks } from "./SessionMarks.ts"

type Mark = SessionMark | ViewItem

export interface Options {
  /** Approximate number of bytes kept of the ended links of one peer. */
  readonly kept: number
  /** Number of changes of the view that may wait. */
  readonly capacity: number
  /** Returns the current view. */
  readonly view: () => View
}

export class ViewReader implements LaneReader {
  readonly stream: Stream.Stream<LaneItem | ViewItem>
  readonly end: Effect.Effect<void>
  readonly close: Effect.Effect<void>
  private readonly options: Options
  private readonly mailbox: Mailbox.Mailbox<Mark>
  private readonly sessions: SessionMarks
  /** Snapshot at the start of the stream, until the reader has taken it. */
  private first: ViewItem | undefined
  /** Number of changes that wait. */
  private waiting = 0
  /** Number of changes that were dropped since the reader took the last `Lagged`. */
  private missed = 0

  constructor(options: Options) {
    this.options = options
    this.mailbox = Mailbox.make<Mark>({ kept: options.kept, onMark: (mark) => this.onTaken(mark) })
    this.sessions = new SessionMarks({ buffer: this.mailbox })
    this.stream = this.mailbox.stream
    this.end = this.mailbox.end
    this.close = this.mailbox.close
  }

  /** Starts the stream with a snapshot of the current view. */
  begin(): void {
    this.first = { _tag: "Snapshot", view: this.options.view() }
    this.mailbox.mark(this.first)
  }

  offer(link: Source, lane: ReadableLane, message: InboundMessage): void {
    this.mailbox.offer(link, lane, message)
  }

  ended(link: Source): boolean {
    return this.mailbox.ended(link)
  }

  mark(mark: SessionMark): void {
    this.sessions.add(mark)
  }

  /** Appends an event if it changes the view. */
  onEvent(event: ViewChange | Notice): void {
    if (!isViewChange(event)) return
    if (this.waiting < this.options.capacity) {
      this.waiting++
      this.mailbox.mark(event)
    } else this.lag()
  }

  /** Drops the waiting changes and the new one, and appends a snapshot of the current view. */
  private lag(): void {
    this.missed += this.waiting + 1
    this.waiting = 0
    this.mailbox.removeMarks((mark) => !isSessionMark(mark) && mark !== this.first)
    this.mailbox.mark({ _tag: "Lagged", missed: this.missed })
    this.mailbox.mark({ _tag: "Snapshot", view: this.options.view() })
  }

  private onTaken(mark: Mark): void {
    this.sessions.onTaken(mark)
    if (mark === this.first) this.first = undefined
    else if (mark._tag === "Lagged") this.missed = 0
    else if (isViewChange(mark)) this.waiting--
  }
}

interface Tagged {
  readonly _tag: string
}

const isViewChange = <A extends Tagged>(item: A): item is A & ViewChange => item._tag in ViewChange.cases
