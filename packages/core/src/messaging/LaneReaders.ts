/**
 * What this node reads besides its inbox. A lane is open at every peer while somebody here reads it; each reader has a buffer
 * of its own, and says what is to happen when it is full (docs/messages.md, section "Topics").
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { OptionsError } from "../ClusterError.ts"
import * as Protocol from "../protocol/constants.ts"
import type { DeadLetter, ReadOptions } from "../Lane.ts"
import { defaultCapacity } from "../Lane.ts"
import { monotonicMillis } from "../internal/time.ts"
import type { Limits } from "../Limits.ts"
import type { LaneReader } from "../flow/ReceiveLanes.ts"
import type { Link } from "../link/Link.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { SessionEnded } from "../Message.ts"
import * as Message from "../Message.ts"
import type { PeerId } from "../Peer.ts"
import * as Mailbox from "./Mailbox.ts"

export interface LaneReaders {
  /** All that are read at this moment. */
  readonly names: () => Iterable<string>
  /** A message on a lane that has a name. */
  readonly offer: (link: Link, lane: LaneReader, arrived: InboundMessage) => void
  /** Nothing more comes on the link. Answers whether all that came is kept. */
  readonly ended: (link: Link) => boolean
  readonly sessionEnded: (from: PeerId, session: number) => void
  /** What comes on a lane from now on, until the scope closes. */
  readonly open: (
    name: string,
    options?: ReadOptions,
  ) => Effect.Effect<Stream.Stream<Message.Message | SessionEnded>, OptionsError, Scope.Scope>
  readonly deadLetter: (letter: DeadLetter) => Effect.Effect<void>
  readonly deadLetters: (name: string) => Stream.Stream<DeadLetter>
  /** No more will come: all streams end after what is there. */
  readonly end: Effect.Effect<void>
}

/** One reader of a lane. */
interface Reader {
  /** Takes a message; `lane.acknowledge` is to be called for it, now or later. */
  readonly offer: (link: Link, lane: LaneReader, arrived: InboundMessage) => void
  readonly ended: (link: Link) => boolean
  readonly sessionEnded: (ended: SessionEnded) => void
  readonly stream: Stream.Stream<Message.Message | SessionEnded>
  readonly end: Effect.Effect<void>
  readonly close: Effect.Effect<void>
}

/** To open a lane and to close it are two control frames to each peer; half of what a peer bears is for others. */
const framesPerReader = 4

/** How long to wait until a lane may be opened again. */
const paceMillis = 10

const ignore = (): void => {}

export const make = Effect.fnUntraced(function* (options: {
  readonly limits: Limits
  /** The first reader of a lane has come, or the last one has gone. */
  readonly opened: (name: string) => void
  readonly closed: (name: string) => void
  /** A message did not fit the buffer of a reader. */
  readonly dropped: (lane: string, strategy: "dropping" | "sliding") => void
  /** A reader could not use a message. */
  readonly died: (lane: string) => void
}) {
  const { limits } = options
  const clock = yield* Clock.Clock
  const pace = new TokenBucket(
    limits.controlRate / framesPerReader,
    limits.controlBurst / framesPerReader,
    monotonicMillis(clock),
  )
  const turn = Semaphore.makeUnsafe(1)
  const letters = yield* PubSub.sliding<DeadLetter>(defaultCapacity)
  const readers = new Map<string, Set<Reader>>()
  let isOver = false

  const suspending = Effect.gen(function* () {
    const mailbox = yield* Mailbox.make<SessionEnded>(limits.laneWindow + limits.messageBytes)
    const reader: Reader = { ...mailbox, sessionEnded: mailbox.mark }
    return reader
  })

  const losing = Effect.fnUntraced(function* (name: string, strategy: "dropping" | "sliding", capacity: number) {
    const queue = yield* Queue.make<Message.Message | SessionEnded, Cause.Done>({ capacity, strategy })
    const reader: Reader = {
      offer: (link, lane, arrived) => {
        const { generation, name: from } = link.peer
        const message = Message.make({ name: from, generation }, link.session().session, arrived.payload, arrived.trace)
        if (Queue.sizeUnsafe(queue) >= capacity) options.dropped(name, strategy)
        Queue.offerUnsafe(queue, message)
        lane.acknowledge(arrived)
      },
      ended: () => true,
      // Where messages are lost for other reasons, this one would say little.
      sessionEnded: ignore,
      stream: Stream.fromQueue(queue),
      end: Effect.asVoid(Queue.end(queue)),
      close: Effect.asVoid(Queue.shutdown(queue)),
    }
    return reader
  })

  /** One after the other, so that of many who wait one looks at the clock. */
  const paced = (name: string) =>
    Effect.suspend(() =>
      readers.has(name) || pace.take(monotonicMillis(clock), 1) ? Effect.void : turn.withPermit(awaitPace(name)),
    )

  const awaitPace = Effect.fnUntraced(function* (name: string) {
    while (!readers.has(name) && !pace.take(monotonicMillis(clock), 1)) yield* Effect.sleep(paceMillis)
  })

  const add = Effect.fnUntraced(function* (
    name: string,
    { capacity = defaultCapacity, strategy = "suspend" }: ReadOptions,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      return yield* new OptionsError({ option: "capacity", message: "the capacity of a reader is at least 1" })
    }
    if (!readers.has(name) && readers.size >= Protocol.maxLanes) {
      return yield* new OptionsError({ option: "lanes", message: `a node reads at most ${Protocol.maxLanes} lanes` })
    }
    const reader = yield* strategy === "suspend" ? suspending : losing(name, strategy, capacity)
    // Whoever reads on and off would be taken for a flood by every peer.
    yield* paced(name)
    const others = readers.get(name)
    if (isOver) yield* reader.end
    else if (others !== undefined) others.add(reader)
    else {
      readers.set(name, new Set([reader]))
      options.opened(name)
    }
    return reader
  })

  const remove = (name: string, reader: Reader) =>
    Effect.suspend(() => {
      const all = readers.get(name)
      if (all?.delete(reader) === true && all.size === 0) {
        readers.delete(name)
        if (!isOver) options.closed(name)
      }
      return reader.close
    })

  const lanes: LaneReaders = {
    names: () => readers.keys(),
    offer: (link, lane, arrived) => {
      const all = lane.isOpen ? readers.get(lane.name) : undefined
      // The last one has gone, and what others read under this name since is not the rest of this.
      if (all === undefined) return lane.acknowledge(arrived)
      if (all.size === 1) {
        for (const reader of all) reader.offer(link, lane, arrived)
        return
      }
      // The sender gets its credit back when all have taken the message.
      let left = all.size
      const shared: LaneReader = {
        name: lane.name,
        isOpen: true,
        acknowledge: () => {
          if (--left === 0) lane.acknowledge(arrived)
        },
      }
      for (const reader of all) reader.offer(link, shared, arrived)
    },
    ended: (link) => {
      let isKept = true
      for (const all of readers.values()) for (const reader of all) isKept = reader.ended(link) && isKept
      return isKept
    },
    sessionEnded: (from, session) => {
      const ended: SessionEnded = { _tag: "SessionEnded", from, session }
      for (const all of readers.values()) for (const reader of all) reader.sessionEnded(ended)
    },
    open: (name, how = {}) =>
      Effect.map(
        Effect.acquireRelease(add(name, how), (reader) => remove(name, reader)),
        ({ stream }) => stream,
      ),
    deadLetter: (letter) =>
      Effect.suspend(() => {
        options.died(letter.lane)
        return Effect.asVoid(PubSub.publish(letters, letter))
      }),
    deadLetters: (name) => Stream.filter(Stream.fromPubSub(letters), ({ lane }) => lane === name),
    end: Effect.suspend(() => {
      isOver = true
      const all = [...readers.values()].flatMap((each) => [...each])
      return Effect.andThen(
        Effect.forEach(all, ({ end }) => end, { discard: true }),
        PubSub.shutdown(letters),
      )
    }),
  }
  return lanes
})
