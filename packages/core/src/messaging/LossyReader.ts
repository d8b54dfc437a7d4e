/**
 * A reader of a lane that loses what does not fit its buffer: the newest message with `dropping`, the oldest with `sliding`.
 * Its senders never wait, because each message counts as taken when it arrives.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Message } from "../Message.ts"
import type { Source } from "../peering/PeerConnection.ts"
import type { LaneReader } from "./OpenLane.ts"
import { ReceivedMessage } from "./ReceivedMessage.ts"

type Items = Queue.Queue<Message, Cause.Done>

export class LossyReader implements LaneReader {
  readonly stream: Stream.Stream<Message>
  readonly end: Effect.Effect<void>
  readonly close: Effect.Effect<void>
  private readonly queue: Items
  private readonly capacity: number
  private readonly onLost: () => void

  /** `onLost` is called for each message that is lost. */
  constructor(queue: Items, capacity: number, onLost: () => void) {
    this.queue = queue
    this.capacity = capacity
    this.onLost = onLost
    this.stream = Stream.fromQueue(queue)
    this.end = Effect.asVoid(Queue.end(queue))
    this.close = Effect.asVoid(Queue.shutdown(queue))
  }

  offer(link: Source, lane: ReadableLane, message: InboundMessage): void {
    const { generation, name } = link.peer
    if (Queue.sizeUnsafe(this.queue) >= this.capacity) this.onLost()
    Queue.offerUnsafe(
      this.queue,
      new ReceivedMessage({ name, generation }, link.session().session, message.payload, message.trace),
    )
    lane.acknowledge(message)
  }

  ended(): boolean {
    return true
  }

  /** Does nothing: where messages are lost for other reasons, the markers of sessions would say little. */
  mark(): void {}
}

export const make = (
  strategy: "dropping" | "sliding",
  capacity: number,
  onLost: () => void,
): Effect.Effect<LossyReader> =>
  Effect.map(
    Queue.make<Message, Cause.Done>({ capacity, strategy }),
    (queue) => new LossyReader(queue, capacity, onLost),
  )
