/**
 * The readers of one opening of a lane. A lane that is closed and opened again is another `OpenLane`, so a message for the
 * first opening never reaches a reader of the second.
 */
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { LaneReader } from "../flow/ReceiveLanes.ts"
import type { Link } from "../link/Link.ts"
import type { Sink } from "../peering/PeerConnection.ts"
import type { Reader } from "./Reader.ts"

export class OpenLane implements Sink {
  readonly readers = new Set<Reader>()

  /** Gives a message to all readers, or drops it if there is none any more. */
  offer(link: Link, lane: LaneReader, message: InboundMessage): void {
    const { readers } = this
    if (!lane.isOpen || readers.size === 0) return lane.acknowledge(message)
    if (readers.size === 1) {
      for (const reader of readers) reader.offer(link, lane, message)
      return
    }
    const shared = new SharedMessage(lane, message, readers.size)
    for (const reader of readers) reader.offer(link, shared, message)
  }
}

/** One message that several readers get: the sender gets its credit back when all of them have taken it. */
class SharedMessage implements LaneReader {
  readonly name: string
  readonly isOpen = true
  private readonly lane: LaneReader
  private readonly message: InboundMessage
  private waiting: number

  constructor(lane: LaneReader, message: InboundMessage, readers: number) {
    this.name = lane.name
    this.lane = lane
    this.message = message
    this.waiting = readers
  }

  acknowledge(): void {
    if (--this.waiting === 0) this.lane.acknowledge(this.message)
  }
}
