/**
 * The messages of one lane from all links for one reader: a stream that returns credit to the senders as it is read.
 * The list needs no bound of its own. Credit bounds the messages of live links, and {@link Options.kept} bounds the
 * messages of ended links (docs/protocol.md, section "Lanes and credit").
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as MutableList from "effect/MutableList"
import * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import { YieldingLatch } from "../internal/YieldingLatch.ts"
import type { Message } from "../Message.ts"
import type { PeerId } from "../Peer.ts"
import type { Sink, Source as Link } from "../peering/PeerConnection.ts"
import * as ReceivedMessage from "./ReceivedMessage.ts"

/**
 * Number of messages per pull: enough to make the cost of a pull negligible, and few enough to return credit in time.
 */
const pullSize = 256

/**
 * Maximum number of consecutive messages of one link and lane in one item of the queue. A pull continues while one more
 * item fits.
 */
const batchSize = pullSize / 2

/** Maximum number of bytes kept of the ended links of all peers, as a multiple of the maximum for one peer. */
const peersKept = 16

/** A link from which messages arrived. */
interface Source {
  readonly link: Link
  readonly from: PeerId
  /** Cost of its unread messages. */
  unread: number
  /** `true` if the link has ended. */
  over: boolean
}

/** Consecutive unread messages of one link and lane. */
class Batch {
  readonly source: Source
  readonly lane: ReadableLane
  cost = 0
  confirm: number | undefined
  private readonly messages: Array<ReceivedMessage.ReceivedMessage> = []
  /** Received form of {@link messages}, each with its cost. */
  private readonly inbound: Array<InboundMessage> = []
  /** Number of messages that were taken individually. */
  private taken = 0

  constructor(source: Source, lane: ReadableLane) {
    this.source = source
    this.lane = lane
  }

  get length(): number {
    return this.messages.length - this.taken
  }

  push(message: ReceivedMessage.ReceivedMessage, inbound: InboundMessage): void {
    this.messages.push(message)
    this.inbound.push(inbound)
    this.cost += inbound.cost
    if (inbound.confirm !== undefined) this.confirm = inbound.confirm
  }

  /** Returns all messages. */
  all(): Array<ReceivedMessage.ReceivedMessage> {
    return this.taken === 0 ? this.messages : this.messages.slice(this.taken)
  }

  /** Removes the first message and returns it as a separate batch. */
  takeFirst(): Batch {
    const first = new Batch(this.source, this.lane)
    const message = this.messages[this.taken]
    const inbound = this.inbound[this.taken]
    if (message === undefined || inbound === undefined) return first
    this.taken++
    this.cost -= inbound.cost
    // An acknowledgement covers all messages before it, and is sent once.
    if (this.confirm === inbound.confirm) this.confirm = undefined
    first.push(message, inbound)
    return first
  }
}

export interface Options<Mark = never> {
  /**
   * Approximate number of bytes kept of the ended links of one peer. For all peers together the limit is sixteen times
   * as high.
   */
  readonly kept: number
  /** Called when the first message of an item of the list arrives. */
  readonly onQueued?: () => void
  /** Called for each mark that a reader takes. */
  readonly onMark?: (mark: Mark) => void
}

const doNothing = (): void => undefined

/** A mailbox of messages. `Mark` is the type of the marks between the messages. */
export class Mailbox<Mark = never> implements Sink {
  /**
   * Messages and marks. Several runs of the stream, and {@link receive}, share them, so each message goes to one of
   * them.
   */
  readonly stream: Stream.Stream<Message | Mark>
  /**
   * Takes one message or mark. Fails with `Done` once the mailbox has ended and is empty. Takes nothing if it is
   * interrupted.
   */
  readonly receive: Effect.Effect<Message | Mark, Cause.Done>
  private readonly items = MutableList.make<Batch | Mark>()
  /** Open while an item waits, or after the mailbox has ended. */
  private readonly isReady = new YieldingLatch(false)
  /** Number of bytes kept of the ended links of one peer. */
  private readonly kept: number
  private readonly onQueued: () => void
  private readonly onMark: (mark: Mark) => void
  private readonly sources = new Map<Link, Source>()
  private hasEnded = false
  /** The last item of the queue, while it is there. */
  private newest: Batch | undefined

  constructor({ kept, onMark = doNothing, onQueued = doNothing }: Options<Mark>) {
    this.kept = kept
    this.onQueued = onQueued
    this.onMark = onMark
    this.stream = Stream.fromPull(Effect.succeed(this.awaitItem((first) => this.fill(first))))
    this.receive = this.awaitItem((first) => this.openOne(first))
  }

  /** Appends a message. Never waits. */
  offer(link: Link, lane: ReadableLane, message: InboundMessage): void {
    const batch = this.batchFor(link, lane)
    batch.source.unread += message.cost
    batch.push(ReceivedMessage.make(batch.source.from, link.session().session, message), message)
    if (batch.length === 1) this.onQueued()
  }

  /** Returns the number of links with waiting messages, including ended links. */
  waitingLinks(): number {
    let count = 0
    for (const { unread } of this.sources.values()) if (unread > 0) count++
    return count
  }

  /** Appends a mark. */
  mark(mark: Mark): void {
    this.newest = undefined
    this.append(mark)
  }

  /** Yields the waiting messages and marks in order, without taking them. */
  *waiting(): Iterable<Message | Mark> {
    for (const item of MutableList.toArray(this.items)) {
      if (item instanceof Batch) yield* item.all()
      else yield item
    }
  }

  /** Removes all marks that satisfy the condition. */
  removeMarks(isGone: (mark: Mark) => boolean): void {
    MutableList.filter(this.items, (item) => item instanceof Batch || !isGone(item))
  }

  /**
   * Handles the end of a link. Its messages stay readable, unless earlier ended links of the same peer or of other
   * peers already occupy too much. In that case they are lost, and the result is `false`.
   */
  ended(link: Link): boolean {
    const source = this.sources.get(link)
    if (source === undefined) return true
    source.over = true
    if (source.unread === 0) {
      this.sources.delete(link)
      return true
    }
    if (this.hasRoomFor(source) || this.hasEnded) return true
    this.drop((batch) => batch.source === source)
    return false
  }

  /** Ends the stream after the items that wait. */
  readonly end: Effect.Effect<void> = Effect.sync(() => {
    this.hasEnded = true
    this.isReady.open()
  })

  /** Removes all items, which will not be read, and counts their messages as taken. */
  readonly close: Effect.Effect<void> = Effect.sync(() => {
    if (!this.hasEnded) this.drop(() => true)
    MutableList.clear(this.items)
    this.hasEnded = true
    this.isReady.open()
  })

  /**
   * Tests whether the messages of an ended link may stay. Otherwise a peer whose link breaks repeatedly, or a peer that
   * connects under ever new names, would fill a mailbox without a reader. A session may lose its end, so a link without
   * room loses all of its unread messages, and its session is over.
   */
  private hasRoomFor({ link }: Source): boolean {
    let ofPeer = 0
    let ofAll = 0
    for (const { link: other, over, unread } of this.sources.values()) {
      if (!over || other === link) continue
      ofAll += unread
      if (other.peer.name === link.peer.name) ofPeer += unread
    }
    return ofPeer < this.kept && ofAll < peersKept * this.kept
  }

  /** Returns the batch at the end of the queue for the next message of this link and lane. */
  private batchFor(link: Link, lane: ReadableLane): Batch {
    const { newest } = this
    if (newest?.source.link === link && newest.lane === lane && newest.length < batchSize) return newest
    let source = this.sources.get(link)
    if (source === undefined) {
      const { generation, name } = link.peer
      source = { link, from: { name, generation }, unread: 0, over: false }
      this.sources.set(link, source)
    }
    const batch = new Batch(source, lane)
    if (!this.hasEnded) this.newest = batch
    this.append(batch)
    return batch
  }

  private append(item: Batch | Mark): void {
    if (this.hasEnded) return
    MutableList.append(this.items, item)
    this.isReady.open()
  }

  /**
   * Waits for the next item, and opens it in the same step in which it is removed, so that an interruption between the
   * two is impossible.
   */
  private awaitItem<A>(open: (first: Batch | Mark) => A): Effect.Effect<A, Cause.Done> {
    const next: Effect.Effect<A, Cause.Done> = Effect.suspend(() => {
      const first = MutableList.take(this.items)
      if (first !== MutableList.Empty) return Effect.succeed(open(first))
      if (this.hasEnded) return Cause.done()
      this.isReady.close()
      return Effect.andThen(this.isReady.wait, () => next)
    })
    return next
  }

  /** Returns the messages of the first item, and of the following items while one more fits. */
  private fill(first: Batch | Mark): NonEmptyReadonlyArray<Message | Mark> {
    const messages = this.open(first)
    while (messages.length <= pullSize - batchSize) {
      const item = MutableList.take(this.items)
      if (item === MutableList.Empty) break
      for (const each of this.open(item)) messages.push(each)
    }
    // A batch has at least one message.
    return messages as [Message | Mark, ...Array<Message | Mark>]
  }

  private open(item: Batch | Mark): Array<Message | Mark> {
    if (!(item instanceof Batch)) return [this.takeMark(item)]
    this.take(item)
    return item.all()
  }

  /** Returns the first message of an item, or a mark, and puts the other messages back. */
  private openOne(item: Batch | Mark): Message | Mark {
    if (!(item instanceof Batch)) return this.takeMark(item)
    // A batch from which messages are taken individually gets no further messages, so that it only shrinks.
    if (item === this.newest) this.newest = undefined
    const first = item.takeFirst()
    if (item.length > 0) MutableList.prepend(this.items, item)
    this.take(first)
    // A batch has at least one message.
    const [message] = first.all() as [ReceivedMessage.ReceivedMessage]
    return message
  }

  private takeMark(mark: Mark): Mark {
    this.onMark(mark)
    return mark
  }

  private take(batch: Batch): void {
    const { lane, source } = batch
    if (batch === this.newest) this.newest = undefined
    source.unread -= batch.cost
    if (source.over && source.unread === 0) this.sources.delete(source.link)
    lane.acknowledge(batch)
  }

  /** Removes all batches that satisfy the condition, in one step. */
  private drop(isGone: (batch: Batch) => boolean): void {
    MutableList.filter(this.items, (item) => {
      if (!(item instanceof Batch) || !isGone(item)) return true
      this.take(item)
      return false
    })
  }
}

/** Makes an empty mailbox. */
export const make = <Mark = never>(options: Options<Mark>): Mailbox<Mark> => new Mailbox<Mark>(options)
