/** Receiver that counts the messages of a lane and their bytes before it passes them on. */
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Sink, Source } from "../peering/PeerConnection.ts"

/** Counter of messages and bytes. */
export interface MessageCount {
  /** Counts one message with this many bytes. */
  readonly add: (bytes: number) => void
}

export class CountedSink implements Sink {
  private readonly sink: Sink
  private readonly count: MessageCount

  constructor(sink: Sink, count: MessageCount) {
    this.sink = sink
    this.count = count
  }

  offer(link: Source, lane: ReadableLane, message: InboundMessage): void {
    this.count.add(message.payload.length)
    this.sink.offer(link, lane, message)
  }
}
