/**
 * The inbox lane of all links, seen from the application: a stream that gives credit back to the
 * senders as it is read. The queue needs no bound of its own, because what may be in it is bounded by
 * the credit of every link (docs/protocol.md, section "Lanes and credit").
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
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
  /** The messages. Several runs of the stream share them: each message goes to one. */
  readonly stream: Stream.Stream<Message>
  /** No more will come: the stream ends after what is there. */
  readonly end: Effect.Effect<void>
}

interface Item {
  readonly message: Message
  readonly link: Link
  readonly cost: number
}

export const make: Effect.Effect<Inbox> = Effect.gen(function* () {
  const queue = yield* Queue.unbounded<Item, Cause.Done>()
  const pull = Effect.map(Queue.takeBetween(queue, 1, batchSize), (items) => {
    const messages: Array<Message> = []
    for (const { cost, link, message } of items) {
      link.taken(cost)
      messages.push(message)
    }
    return messages as [Message, ...Array<Message>]
  })
  const inbox: Inbox = {
    offer: (link, { cost, payload }) => {
      const { generation, name } = link.peer
      Queue.offerUnsafe(queue, { message: Messages.make({ name, generation }, payload), link, cost })
    },
    stream: Stream.fromPull(Effect.succeed(pull)),
    end: Effect.asVoid(Queue.end(queue)),
  }
  return inbox
})
