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
import type { ReadEnd } from "../link/Intake.ts"
import type { Link } from "../link/Link.ts"
import type { Arrived } from "../link/Receiver.ts"
import type { Message, SessionEnded } from "../Message.ts"
import * as Messages from "../Message.ts"
import type { PeerId } from "../PeerId.ts"

/** Messages per pull: enough that the price of a pull does not show, few enough to give credit back in time. */
const batchSize = 256

/** What links that are over left of all peers together may be so many times what is kept of one. */
const peersKept = 16

/** `Mark` is what may be put between the messages. */
export interface Mailbox<Mark> {
  /** Puts a message that arrived on a link behind those that are there. Never waits. */
  readonly offer: (link: Link, lane: ReadEnd, arrived: Arrived) => void
  /**
   * The link is over. What it left stays to be read, unless links to the same peer before it, or links to others, left too
   * much: then it is lost, and the answer is `false`.
   */
  readonly ended: (link: Link) => boolean
  /** Puts a mark behind the messages that are there. */
  readonly mark: (mark: Mark) => void
  /** The messages. Several runs of the stream share them: each message goes to one. */
  readonly stream: Stream.Stream<Message | Mark>
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

interface Item {
  readonly message: Message
  readonly source: Source
  readonly lane: ReadEnd
  readonly arrived: Arrived
}

/** A mailbox that keeps so many bytes of one peer's links that are over, or a bit more, and some times as much in all. */
export const make = Effect.fnUntraced(function* <Mark extends SessionEnded = never>(kept: number) {
  const queue = yield* Queue.unbounded<Item | Mark, Cause.Done>()
  const sources = new Map<Link, Source>()
  let isOver = false

  const isMark = (item: Item | Mark): item is Mark => !("source" in item)

  const take = ({ arrived, lane, source }: Item): void => {
    source.unread -= arrived.cost
    if (source.over && source.unread === 0) sources.delete(source.link)
    lane.taken(arrived)
  }

  const pull = Effect.map(Queue.takeBetween(queue, 1, batchSize), (items) => {
    const messages: Array<Message | Mark> = []
    for (const item of items) {
      if (isMark(item)) messages.push(item)
      else {
        take(item)
        messages.push(item.message)
      }
    }
    // As many as were taken, and at least one was.
    return messages as [Message | Mark, ...Array<Message | Mark>]
  })

  /** Takes all out for which this holds, in one step, and leaves the rest. */
  const drop = (isGone: (item: Item) => boolean): void => {
    const rest: Array<Item | Mark> = []
    for (let n = Queue.sizeUnsafe(queue); n > 0; n--) {
      const exit = Queue.takeUnsafe(queue)
      if (exit === undefined || Exit.isFailure(exit)) break
      const item = exit.value
      if (isMark(item) || !isGone(item)) rest.push(item)
      else take(item)
    }
    Queue.offerAllUnsafe(queue, rest)
  }

  const mailbox: Mailbox<Mark> = {
    offer: (link, lane, arrived) => {
      let source = sources.get(link)
      if (source === undefined) {
        const { generation, name } = link.peer
        source = { link, from: { name, generation }, unread: 0, over: false }
        sources.set(link, source)
      }
      source.unread += arrived.cost
      const message = Messages.make(source.from, link.session().session, arrived.payload, arrived.trace)
      Queue.offerUnsafe(queue, { message, source, lane, arrived })
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
    mark: (mark) => void Queue.offerUnsafe(queue, mark),
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
