/**
 * What arrives on one lane of all links, seen from its reader: a stream that gives credit back to the senders as it is read.
 * The queue needs no bound of its own: what live links put into it is bounded by their credit, and what links that are over
 * left there, by {@link make} (docs/protocol.md, section "Lanes and credit").
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { LaneReader } from "../flow/ReceiveLanes.ts"
import type { Link } from "../link/Link.ts"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { SessionEnded } from "../Message.ts"
import * as Message from "../Message.ts"
import type { PeerId } from "../Peer.ts"

/** Messages per pull: enough that the price of a pull does not show, few enough to give credit back in time. */
const pullSize = 256

/** What comes on one lane one after the other is one item of the queue, up to so many messages. A pull goes on while one more fits. */
const batchSize = pullSize / 2

/** What links that are over left of all peers together may be so many times what is kept of one. */
const peersKept = 16

/** `Mark` is what may be put between the messages. */
export interface Mailbox<Mark> {
  /** Puts a message that arrived on a link behind those that are there. Never waits. */
  readonly offer: (link: Link, lane: LaneReader, arrived: InboundMessage) => void
  /**
   * The link is over. What it left stays to be read, unless links to the same peer before it, or links to others, left too
   * much: then it is lost, and the answer is `false`.
   */
  readonly ended: (link: Link) => boolean
  /** Puts a mark behind the messages that are there. */
  readonly mark: (mark: Mark) => void
  /** The messages. Several runs of the stream share them: each message goes to one. */
  readonly stream: Stream.Stream<Message.Message | Mark>
  /** No more will come: the stream ends after what is there. */
  readonly end: Effect.Effect<void>
  /** Nobody reads any more: what is here counts as taken. */
  readonly close: Effect.Effect<void>
}

/** What came on one link. */
interface Source {
  readonly link: Link
  readonly from: PeerId
  /** The cost of its messages that were not read yet. */
  unread: number
  /** Nothing more comes from it. */
  over: boolean
}

/** Messages of one link and lane that follow each other. */
interface Batch {
  readonly source: Source
  readonly lane: LaneReader
  readonly messages: Array<Message.Message>
  cost: number
  confirm: number | undefined
}

/** A mailbox that keeps so many bytes of one peer's links that are over, or a bit more, and some times as much in all. */
export const make = Effect.fnUntraced(function* <Mark extends SessionEnded = never>(kept: number) {
  const queue = yield* Queue.unbounded<Batch | Mark, Cause.Done>()
  const sources = new Map<Link, Source>()
  let isOver = false
  // The item that was queued last, as long as it is there.
  let newest: Batch | undefined

  const isMark = (item: Batch | Mark): item is Mark => !("source" in item)

  const take = (batch: Batch): void => {
    const { cost, lane, source } = batch
    if (batch === newest) newest = undefined
    source.unread -= cost
    if (source.over && source.unread === 0) sources.delete(source.link)
    lane.acknowledge(batch)
  }

  /** The next item, if there is one now. */
  const poll = (): Batch | Mark | undefined => {
    const exit = Queue.takeUnsafe(queue)
    return exit === undefined || Exit.isFailure(exit) ? undefined : exit.value
  }

  const open = (item: Batch | Mark): Array<Message.Message | Mark> => {
    if (isMark(item)) return [item]
    take(item)
    return item.messages
  }

  // What is taken out of the queue is opened in the same step: no fiber can be interrupted between.
  const pull = Effect.map(Queue.take(queue), (first) => {
    const messages = open(first)
    while (messages.length <= pullSize - batchSize) {
      const item = poll()
      if (item === undefined) break
      for (const each of open(item)) messages.push(each)
    }
    // A batch has at least one.
    return messages as [Message.Message | Mark, ...Array<Message.Message | Mark>]
  })

  /** Takes all out for which this holds, in one step, and leaves the rest. */
  const drop = (isGone: (batch: Batch) => boolean): void => {
    const rest: Array<Batch | Mark> = []
    for (let item = poll(); item !== undefined; item = poll()) {
      if (isMark(item) || !isGone(item)) rest.push(item)
      else take(item)
    }
    Queue.offerAllUnsafe(queue, rest)
  }

  /** A batch at the end of the queue, for the next message of this link and lane. */
  const batchFor = (link: Link, lane: LaneReader): Batch => {
    if (newest?.source.link === link && newest.lane === lane && newest.messages.length < batchSize) return newest
    let source = sources.get(link)
    if (source === undefined) {
      const { generation, name } = link.peer
      source = { link, from: { name, generation }, unread: 0, over: false }
      sources.set(link, source)
    }
    const batch: Batch = { source, lane, messages: [], cost: 0, confirm: undefined }
    if (Queue.offerUnsafe(queue, batch)) newest = batch
    return batch
  }

  const mailbox: Mailbox<Mark> = {
    offer: (link, lane, arrived) => {
      const { confirm, cost, payload, trace } = arrived
      const batch = batchFor(link, lane)
      const { source } = batch
      source.unread += cost
      batch.messages.push(Message.make(source.from, link.session().session, payload, trace))
      batch.cost += cost
      if (confirm !== undefined) batch.confirm = confirm
    },
    ended: (link) => {
      const source = sources.get(link)
      if (source === undefined) return true
      source.over = true
      if (source.unread === 0) {
        sources.delete(link)
        return true
      }
      let ofPeer = 0
      let ofAll = 0
      for (const { link: other, over, unread } of sources.values()) {
        if (!over || other === link) continue
        ofAll += unread
        if (other.peer.name === link.peer.name) ofPeer += unread
      }
      // A peer whose link breaks again and again would fill a mailbox that nobody reads, and so would one that comes under
      // ever new names. A session may lose its end, and this one, which is over with that, loses all of this link that was
      // not read.
      if ((ofPeer < kept && ofAll < peersKept * kept) || isOver) return true
      drop((item) => item.source === source)
      return false
    },
    mark: (mark) => {
      newest = undefined
      Queue.offerUnsafe(queue, mark)
    },
    stream: Stream.fromPull(Effect.succeed(pull)),
    end: Effect.suspend(() => {
      isOver = true
      return Effect.asVoid(Queue.end(queue))
    }),
    close: Effect.suspend(() => {
      if (!isOver) drop(() => true)
      return Effect.asVoid(Queue.shutdown(queue))
    }),
  }
  return mailbox
})
