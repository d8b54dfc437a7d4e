/**
 * A reader of a lane that loses messages that do not fit into its buffer: the newest message with `dropping`, the
 * oldest with `sliding`. Its senders never wait, because each message counts as taken when it arrives.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Message, MessagesLost, SessionEnded, SessionStarted } from "../Message.ts"
import type { Source } from "../peering/PeerConnection.ts"
import type { LaneReader } from "./OpenLane.ts"
import * as ReceivedMessage from "./ReceivedMessage.ts"

type Items = Queue.Queue<Message | SessionEnded, Cause.Done>

export interface Options {
  readonly strategy: "dropping" | "sliding"
  /** Number of messages in the buffer. */
  readonly capacity: number
  /** `true` if the reader marks where messages may be missing. */
  readonly gaps: boolean
  /** Called for each message that is lost. */
  readonly onLost: () => void
}

export class LossyReader implements LaneReader {
  readonly stream: Stream.Stream<Message | SessionEnded | MessagesLost>
  readonly end: Effect.Effect<void>
  readonly close: Effect.Effect<void>
  private readonly queue: Items
  private readonly options: Options
  /** Number of messages lost since the last pull. `undefined` if no item was lost. */
  private lost: number | undefined

  constructor(queue: Items, options: Options) {
    this.queue = queue
    this.options = options
    const pull = Effect.map(Queue.takeAll(queue), (items) => this.withLoss(items))
    this.stream = Stream.fromPull(Effect.succeed(pull))
    this.end = Effect.asVoid(Queue.end(queue))
    this.close = Effect.asVoid(Queue.shutdown(queue))
  }

  offer(link: Source, lane: ReadableLane, message: InboundMessage): void {
    const { generation, name } = link.peer
    this.add(ReceivedMessage.make({ name, generation }, link.session().session, message))
    lane.acknowledge(message)
  }

  ended(): boolean {
    return true
  }

  /** Appends the end of a session, if the reader marks where messages may be missing. */
  mark(mark: SessionStarted | SessionEnded): void {
    if (this.options.gaps && mark._tag === "SessionEnded") this.add(mark)
  }

  private add(item: Message | SessionEnded): void {
    const { capacity, strategy } = this.options
    if (Queue.sizeUnsafe(this.queue) >= capacity) {
      if (strategy === "dropping") return this.lose(item)
      const oldest = Queue.takeUnsafe(this.queue)
      if (oldest !== undefined && Exit.isSuccess(oldest)) this.lose(oldest.value)
    }
    Queue.offerUnsafe(this.queue, item)
  }

  private lose(item: Message | SessionEnded): void {
    const count = item._tag === "Message" ? 1 : 0
    this.lost = (this.lost ?? 0) + count
    if (count > 0) this.options.onLost()
  }

  /**
   * Adds the marker of the loss to the pulled items. Messages that `sliding` lost came before them, and messages that
   * `dropping` lost after them.
   */
  private withLoss(items: Arr.NonEmptyReadonlyArray<Message | SessionEnded>) {
    const { gaps, strategy } = this.options
    const count = this.lost
    this.lost = undefined
    if (!gaps || count === undefined) return items
    const lost: MessagesLost = { _tag: "MessagesLost", count }
    return strategy === "sliding" ? Arr.prepend(items, lost) : Arr.append(items, lost)
  }
}

/** Makes a reader without messages. The queue needs no bound, because the reader enforces its capacity. */
export const make = (options: Options): Effect.Effect<LossyReader> =>
  Effect.map(Queue.unbounded<Message | SessionEnded, Cause.Done>(), (queue) => new LossyReader(queue, options))
