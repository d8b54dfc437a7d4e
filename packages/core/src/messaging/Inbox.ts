/**
 * The inbox lane of all links, seen from the application: a stream that gives credit back to the
 * senders as it is read. The queue needs no bound of its own: what live links put into it is bounded by their
 * credit, and what links that are over left there, by {@link make} (docs/protocol.md, section "Lanes and credit").
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { Arrived } from "../link/Lane.ts"
import type { Link } from "../link/Link.ts"
import type { Message } from "../Message.ts"
import * as Messages from "../Message.ts"

/** Messages per pull: enough that the price of a pull does not show, few enough to give credit back in time. */
const batchSize = 256

export interface Inbox {
  /** Puts a message that arrived on a link behind those that are there. Never waits. */
  readonly offer: (link: Link, arrived: Arrived) => void
  /** The link is over. What it left stays to be read, unless links to the same peer before it left too much. */
  readonly ended: (link: Link) => void
  /** The messages. Several runs of the stream share them: each message goes to one. */
  readonly stream: Stream.Stream<Message>
  /** No more will come: the stream ends after what is there. */
  readonly end: Effect.Effect<void>
}

/** What came on one link. */
interface Source {
  readonly link: Link
  /** The cost of its messages that were not read yet. */
  unread: number
  /** Nothing more comes from it. */
  over: boolean
}

interface Item {
  readonly message: Message
  readonly source: Source
  readonly cost: number
}

/** An inbox that keeps so many bytes of one peer's links that are over, and what the last of them left. */
export const make = Effect.fnUntraced(function* (kept: number) {
  const queue = yield* Queue.unbounded<Item, Cause.Done>()
  const sources = new Map<Link, Source>()
  let isOver = false

  const pull = Effect.map(Queue.takeBetween(queue, 1, batchSize), (items) => {
    const messages: Array<Message> = []
    for (const { cost, message, source } of items) {
      source.unread -= cost
      if (source.over && source.unread === 0) sources.delete(source.link)
      source.link.taken(cost)
      messages.push(message)
    }
    // As many as were taken, and at least one was.
    return messages as [Message, ...Array<Message>]
  })

  /** Takes all out that came from there, in one step. */
  const drop = (source: Source): void => {
    const rest: Array<Item> = []
    for (let n = Queue.sizeUnsafe(queue); n > 0; n--) {
      const exit = Queue.takeUnsafe(queue)
      if (exit === undefined || Exit.isFailure(exit)) break
      if (exit.value.source !== source) rest.push(exit.value)
    }
    Queue.offerAllUnsafe(queue, rest)
    sources.delete(source.link)
  }

  const inbox: Inbox = {
    offer: (link, { cost, payload }) => {
      let source = sources.get(link)
      if (source === undefined) {
        source = { link, unread: 0, over: false }
        sources.set(link, source)
      }
      source.unread += cost
      const { generation, name } = link.peer
      Queue.offerUnsafe(queue, { message: Messages.make({ name, generation }, payload), source, cost })
    },
    ended: (link) => {
      const source = sources.get(link)
      if (source === undefined) return
      source.over = true
      if (source.unread === 0) sources.delete(link)
      let left = 0
      for (const other of sources.values()) {
        if (other.over && other !== source && other.link.peer.name === link.peer.name) left += other.unread
      }
      // A peer whose link breaks again and again would fill an inbox that nobody reads. A session that is over may
      // lose its end, and this one loses all of it that was not read.
      if (left >= kept && !isOver) drop(source)
    },
    stream: Stream.fromPull(Effect.succeed(pull)),
    end: Effect.suspend(() => {
      isOver = true
      return Effect.asVoid(Queue.end(queue))
    }),
  }
  return inbox
})
