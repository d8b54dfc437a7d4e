/**
 * The readers of one opening of a lane. A lane that is closed and opened again is another `OpenLane`, so a message for
 * the first opening never reaches a reader of the second.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { LaneItem, ViewItem } from "../Lane.ts"
import type { MessagesLost, SessionEnded, SessionStarted } from "../Message.ts"
import type { Sink, Source } from "../peering/PeerConnection.ts"

/** A reader of a lane: a buffer, and the stream that empties it. */
export interface LaneReader extends Sink {
  /** Handles the end of a link. Returns `true` if all messages that arrived are kept. */
  readonly ended: (link: Source) => boolean
  /** Appends the start or end of a session. */
  readonly mark: (mark: SessionStarted | SessionEnded) => void
  /** Messages, markers of sessions and changes of the view, in the order of their arrival. */
  readonly stream: Stream.Stream<LaneItem | MessagesLost | ViewItem>
  /** Ends the stream after the items that wait. */
  readonly end: Effect.Effect<void>
  /** Removes all items, which will not be read, and counts their messages as taken. */
  readonly close: Effect.Effect<void>
}

export class OpenLane implements Sink {
  /** Number of the opening on this node. */
  readonly opening: number
  /** Format that all readers of the lane have. `undefined` if they take bytes of any format. */
  readonly format: string | undefined
  readonly readers = new Set<LaneReader>()

  constructor(opening: number, format?: string) {
    this.opening = opening
    this.format = format
  }

  /** Passes a message to all readers. Drops it if there is no reader any more. */
  offer(link: Source, lane: ReadableLane, message: InboundMessage): void {
    const { readers } = this
    if (!lane.isOpen || readers.size === 0) return lane.acknowledge(message)
    if (readers.size === 1) {
      for (const reader of readers) reader.offer(link, lane, message)
      return
    }
    const shared = new SharedMessage(lane, message, readers.size)
    const unowned: InboundMessage = { ...message, isOwned: false }
    for (const reader of readers) reader.offer(link, shared, unowned)
  }
}

/** One message for several readers. The sender gets its credit back when all of them have taken it. */
class SharedMessage implements ReadableLane {
  readonly name: string
  readonly isOpen = true
  private readonly lane: ReadableLane
  private readonly message: InboundMessage
  private waiting: number

  constructor(lane: ReadableLane, message: InboundMessage, readers: number) {
    this.name = lane.name
    this.lane = lane
    this.message = message
    this.waiting = readers
  }

  acknowledge(): void {
    if (--this.waiting === 0) this.lane.acknowledge(this.message)
  }
}
