/**
 * The messages of one lane of all links for one reader: a stream that gives credit back to the senders as it is read.
 * The queue needs no bound of its own: what live links put into it is bounded by their credit, and what links that are over
 * left there, by {@link make} (docs/protocol.md, section "Lanes and credit").
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Link } from "../link/Link.ts"
import type { Message, SessionEnded } from "../Message.ts"
import type { PeerId } from "../Peer.ts"
import type { Sink } from "../peering/PeerConnection.ts"
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

/** Messages of one link and lane that follow each other. */
interface Batch {
  readonly source: Source
  readonly lane: ReadableLane
  readonly messages: Array<ReceivedMessage>
  cost: number
  confirm: number | undefined
}

type Items<Mark> = Queue.Queue<Batch | Mark, Cause.Done>

export interface Options {
  /** Bytes, more or less, that are kept of one peer's links that are over. Of all peers together sixteen times as many are. */
  readonly kept: number
  /** Called for the first message of each item of the queue, when it has come. */
  readonly onQueued?: () => void
}

const doNothing = (): void => undefined

/** `Mark` is what may be put between the messages. */
export class Mailbox<Mark extends SessionEnded = never> implements Sink {
  /** Messages and marks. Several runs of the stream share them: each message goes to one. */
  readonly stream: Stream.Stream<Message | Mark>
  private readonly queue: Items<Mark>
  /** Bytes that are kept of one peer's links that are over. */
  private readonly kept: number
  private readonly onQueued: () => void
  private readonly sources = new Map<Link, Source>()
  private hasEnded = false
  /** The item that was queued last, as long as it is there. */
  private newest: Batch | undefined

  constructor(queue: Items<Mark>, { kept, onQueued = doNothing }: Options) {
    this.queue = queue
    this.kept = kept
    this.onQueued = onQueued
    // An item taken out of the queue is opened in the same step: no fiber can be interrupted between.
    const pull = Effect.map(Queue.take(queue), (first) => this.fill(first))
    this.stream = Stream.fromPull(Effect.succeed(pull))
  }

  /** Puts a message behind those that are there. Never waits. */
  offer(link: Link, lane: ReadableLane, message: InboundMessage): void {
    const { confirm, cost, payload, trace } = message
    const batch = this.batchFor(link, lane)
    const { source } = batch
    source.unread += cost
    batch.messages.push(new ReceivedMessage(source.from, link.session().session, payload, trace))
    batch.cost += cost
    if (confirm !== undefined) batch.confirm = confirm
    if (batch.messages.length === 1) this.onQueued()
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
    Queue.offerUnsafe(this.queue, mark)
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
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.hasEnded = true
    return Effect.asVoid(Queue.end(this.queue))
  })

  /** Counts everything that is there as taken: it will not be read. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.hasEnded) this.drop(() => true)
    return Effect.asVoid(Queue.shutdown(this.queue))
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
    if (newest?.source.link === link && newest.lane === lane && newest.messages.length < batchSize) return newest
    let source = this.sources.get(link)
    if (source === undefined) {
      const { generation, name } = link.peer
      source = { link, from: { name, generation }, unread: 0, over: false }
      this.sources.set(link, source)
    }
    const batch: Batch = { source, lane, messages: [], cost: 0, confirm: undefined }
    if (Queue.offerUnsafe(this.queue, batch)) this.newest = batch
    return batch
  }

  /** Returns the messages of the first item, and of those that follow while one more fits. */
  private fill(first: Batch | Mark) {
    const messages = this.open(first)
    while (messages.length <= pullSize - batchSize) {
      const item = this.poll()
      if (item === undefined) break
      for (const each of this.open(item)) messages.push(each)
    }
    // A batch has at least one.
    return messages as [Message | Mark, ...Array<Message | Mark>]
  }

  private open(item: Batch | Mark): Array<Message | Mark> {
    if (isMark(item)) return [item]
    this.take(item)
    return item.messages
  }

  private take(batch: Batch): void {
    const { cost, lane, source } = batch
    if (batch === this.newest) this.newest = undefined
    source.unread -= cost
    if (source.over && source.unread === 0) this.sources.delete(source.link)
    lane.acknowledge(batch)
  }

  /** Returns the next item, if there is one now. */
  private poll(): Batch | Mark | undefined {
    const exit = Queue.takeUnsafe(this.queue)
    return exit === undefined || Exit.isFailure(exit) ? undefined : exit.value
  }

  /** Takes all batches out for which this holds, in one step, and leaves the rest. */
  private drop(isGone: (batch: Batch) => boolean): void {
    const rest: Array<Batch | Mark> = []
    for (let item = this.poll(); item !== undefined; item = this.poll()) {
      if (isMark(item) || !isGone(item)) rest.push(item)
      else this.take(item)
    }
    Queue.offerAllUnsafe(this.queue, rest)
  }
}

const isMark = <Mark extends SessionEnded>(item: Batch | Mark): item is Mark => !("source" in item)

/** Makes an empty mailbox. */
export const make = <Mark extends SessionEnded = never>(options: Options): Effect.Effect<Mailbox<Mark>> =>
  Effect.map(Queue.unbounded<Batch | Mark, Cause.Done>(), (queue) => new Mailbox<Mark>(queue, options))
