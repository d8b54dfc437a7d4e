/**
 * The messages of one lane of all links for one reader: a stream that gives credit back to the senders as it is read.
 * The list needs no bound of its own: what live links put into it is bounded by their credit, and what links that are over
 * left there, by {@link Options.kept} (docs/protocol.md, section "Lanes and credit").
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as MutableList from "effect/MutableList"
import * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import type { Message } from "../Message.ts"
import type { PeerId } from "../Peer.ts"
import type { Sink, Source as Link } from "../peering/PeerConnection.ts"
import { ReceivedMessage } from "./ReceivedMessage.ts"

/** Messages per pull: enough that the price of a pull does not show, few enough to give credit back in time. */
const pullSize = 256

/**
 * Messages of one link and lane that follow each other and make up one item of the queue, at most. A pull goes on while one
 * more item fits.
 */
const batchSize = pullSize / 2

/** Maximum number of bytes that are kept of ended links of all peers, as a multiple of the maximum for one peer. */
const peersKept = 16

/** Link from which messages arrived. */
interface Source {
  readonly link: Link
  readonly from: PeerId
  /** Cost of its messages that were not read yet. */
  unread: number
  /** Nothing more arrives from it. */
  over: boolean
}

/** Messages of one link and lane that follow each other and were not read. */
class Batch {
  readonly source: Source
  readonly lane: ReadableLane
  cost = 0
  confirm: number | undefined
  private readonly messages: Array<ReceivedMessage> = []
  /** The same messages as they arrived, each with its cost. */
  private readonly inbound: Array<InboundMessage> = []
  /** Number of messages that were taken one by one. */
  private taken = 0

  constructor(source: Source, lane: ReadableLane) {
    this.source = source
    this.lane = lane
  }

  get length(): number {
    return this.messages.length - this.taken
  }

  push(message: ReceivedMessage, inbound: InboundMessage): void {
    this.messages.push(message)
    this.inbound.push(inbound)
    this.cost += inbound.cost
    if (inbound.confirm !== undefined) this.confirm = inbound.confirm
  }

  /** Returns all messages. */
  all(): Array<ReceivedMessage> {
    return this.taken === 0 ? this.messages : this.messages.slice(this.taken)
  }

  /** Takes the first message out, as a batch of its own. */
  takeFirst(): Batch {
    const first = new Batch(this.source, this.lane)
    const message = this.messages[this.taken]
    const inbound = this.inbound[this.taken]
    if (message === undefined || inbound === undefined) return first
    this.taken++
    this.cost -= inbound.cost
    // An acknowledgement is for all messages before it, and is sent once.
    if (this.confirm === inbound.confirm) this.confirm = undefined
    first.push(message, inbound)
    return first
  }
}

export interface Options<Mark = never> {
  /** Bytes, more or less, that are kept of one peer's links that are over. Of all peers together sixteen times as many are. */
  readonly kept: number
  /** Called for the first message of each item of the list, when it has come. */
  readonly onQueued?: () => void
  /** Called for each mark that a reader takes. */
  readonly onMark?: (mark: Mark) => void
}

const doNothing = (): void => undefined

/** `Mark` is what may be put between the messages. */
export class Mailbox<Mark = never> implements Sink {
  /** Messages and marks. Several runs of the stream, and {@link receive}, share them: each message goes to one. */
  readonly stream: Stream.Stream<Message | Mark>
  /**
   * Takes one message or mark, and leaves all others. Fails with `Done` once the mailbox has ended and is empty. An interruption
   * takes nothing.
   */
  readonly receive: Effect.Effect<Message | Mark, Cause.Done>
  private readonly items = MutableList.make<Batch | Mark>()
  /** Open while there is something to take, or the mailbox has ended. */
  private readonly isReady = Latch.makeUnsafe(false)
  /** Bytes that are kept of one peer's links that are over. */
  private readonly kept: number
  private readonly onQueued: () => void
  private readonly onMark: (mark: Mark) => void
  private readonly sources = new Map<Link, Source>()
  private hasEnded = false
  /** The item that was queued last, as long as it is there. */
  private newest: Batch | undefined

  constructor({ kept, onMark = doNothing, onQueued = doNothing }: Options<Mark>) {
    this.kept = kept
    this.onQueued = onQueued
    this.onMark = onMark
    this.stream = Stream.fromPull(Effect.succeed(this.awaitItem((first) => this.fill(first))))
    this.receive = this.awaitItem((first) => this.openOne(first))
  }

  /** Puts a message behind those that are there. Never waits. */
  offer(link: Link, lane: ReadableLane, message: InboundMessage): void {
    const batch = this.batchFor(link, lane)
    batch.source.unread += message.cost
    batch.push(new ReceivedMessage(batch.source.from, link.session().session, message.payload, message.trace), message)
    if (batch.length === 1) this.onQueued()
  }

  /** Returns the number of links, also of those that are over, from which messages wait. */
  waitingLinks(): number {
    let count = 0
    for (const { unread } of this.sources.values()) if (unread > 0) count++
    return count
  }

  /** Puts a mark behind the messages that are there. */
  mark(mark: Mark): void {
    this.newest = undefined
    this.append(mark)
  }

  /** Yields the messages and marks that wait, in order, and takes none. */
  *waiting(): Iterable<Message | Mark> {
    for (const item of MutableList.toArray(this.items)) {
      if (item instanceof Batch) yield* item.all()
      else yield item
    }
  }

  /** Takes all marks out for which this holds, and leaves the rest. */
  removeMarks(isGone: (mark: Mark) => boolean): void {
    MutableList.filter(this.items, (item) => item instanceof Batch || !isGone(item))
  }

  /**
   * The link is over. Its messages stay to be read, unless earlier links to the same peer, or links to others, left too
   * much: then they are lost, and the answer is `false`.
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

  /** Ends the stream after what is there. */
  readonly end: Effect.Effect<void> = Effect.sync(() => {
    this.hasEnded = true
    this.isReady.openUnsafe()
  })

  /** Counts everything that is there as taken: it will not be read. */
  readonly close: Effect.Effect<void> = Effect.sync(() => {
    if (!this.hasEnded) this.drop(() => true)
    MutableList.clear(this.items)
    this.hasEnded = true
    this.isReady.openUnsafe()
  })

  /**
   * Tests whether what a link that is over left may stay. A peer whose link breaks again and again would fill a mailbox that
   * nobody reads, and so would a peer that comes under ever new names. A session may lose its end, so one link that finds no
   * room loses all of its messages that were not read, and its session is over with that.
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

  /** Returns a batch at the end of the queue, for the next message of this link and lane. */
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
    this.isReady.openUnsafe()
  }

  /** Waits for the next item, and opens it in the step that takes it out: no fiber can be interrupted between. */
  private awaitItem<A>(open: (first: Batch | Mark) => A): Effect.Effect<A, Cause.Done> {
    const next: Effect.Effect<A, Cause.Done> = Effect.suspend(() => {
      const first = MutableList.take(this.items)
      if (first !== MutableList.Empty) return Effect.succeed(open(first))
      if (this.hasEnded) return Cause.done()
      this.isReady.closeUnsafe()
      return Effect.andThen(awaitLatch(this.isReady), () => next)
    })
    return next
  }

  /** Returns the messages of the first item, and of those that follow while one more fits. */
  private fill(first: Batch | Mark): NonEmptyReadonlyArray<Message | Mark> {
    const messages = this.open(first)
    while (messages.length <= pullSize - batchSize) {
      const item = MutableList.take(this.items)
      if (item === MutableList.Empty) break
      for (const each of this.open(item)) messages.push(each)
    }
    // A batch has at least one.
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
    // Nothing is added to a batch that is taken apart, so that it gets smaller only.
    if (item === this.newest) this.newest = undefined
    const first = item.takeFirst()
    if (item.length > 0) MutableList.prepend(this.items, item)
    this.take(first)
    // A batch has at least one.
    const [message] = first.all() as [ReceivedMessage]
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

  /** Takes all batches out for which this holds, in one step, and leaves the rest. */
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
