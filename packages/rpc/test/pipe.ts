/**
 * Two nodes whose lanes to each other are pipes that a test controls. Messages can be lost, and a session can end for
 * one side only, as happens when a connection breaks while another one replaces it.
 */
import * as World from "../../core/test/cluster/world.ts"
import type * as Cluster from "@coterie/core/Cluster"
import type { Lane, LaneItem, LossyReadOptions, ReadOptions, Sent } from "@coterie/core/Lane"
import type { Message, SessionEnded } from "@coterie/core/Message"
import { NotReading, SendError, type SendErrorReason, UnknownPeer } from "@coterie/core/ClusterError"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** One node and its end of the pipes. */
export interface Side {
  readonly node: World.Node
  /** Messages that this side sent, as text. */
  readonly sent: Array<string>
  /** Ends the session for this side and begins the next session. */
  readonly endSession: Effect.Effect<void>
  /** Reports the end of an earlier session to this side. */
  readonly endOlderSession: Effect.Effect<void>
  /** Delivers the text to the other side as a message from a peer of the name. */
  readonly sayAs: (name: string, text: string) => Effect.Effect<void>
  /** Starts or stops dropping the messages of this side. */
  readonly lose: (lost: boolean) => void
  /** Sets an effect that runs before the pipe accepts a message of this side. */
  readonly beforeSending: (effect: Effect.Effect<void>) => void
  /** Sets an effect that runs after the pipe accepted a message and before the send completes. */
  readonly beforeSent: (effect: Effect.Effect<void>) => void
  /** Ends the lanes of this side without a report that the session ended. */
  readonly end: Effect.Effect<void>
}

type Item = Message | SessionEnded

type Opening<A> = Effect.Effect<Stream.Stream<A>, never, Scope.Scope>

const make = (node: World.Node, peer: string, sessions: number) => {
  const lanes = new Map<string, Queue.Queue<Item, Cause.Done>>()
  const sent: Array<string> = []
  let session = sessions
  let isLost = false
  let beforeSending: Effect.Effect<void> = Effect.void
  let beforeSent: Effect.Effect<void> = Effect.void
  let other: ReturnType<typeof receiver> | undefined

  const receiver = () => ({
    take: (name: string, text: string, from = peer) => {
      const queue = lanes.get(name)
      const message: Message = {
        _tag: "Message",
        from: { name: from, generation: 1 },
        session,
        payload: new TextEncoder().encode(text),
        text,
        span: undefined,
      }
      if (queue !== undefined) Queue.offerUnsafe(queue, message)
    },
    reads: (name: string) => lanes.has(name),
    lanes: () => lanes.keys(),
  })

  const openLane = (name: string) => {
    const opening = Effect.map(
      Effect.acquireRelease(
        Effect.tap(Queue.unbounded<Item, Cause.Done>(), (queue) => Effect.sync(() => lanes.set(name, queue))),
        () => Effect.sync(() => lanes.delete(name)),
      ),
      (queue) => Stream.fromQueue(queue),
    )
    function open(options: LossyReadOptions): Opening<Message>
    function open(options?: ReadOptions): Opening<LaneItem>
    function open(): Opening<LaneItem> {
      return opening
    }
    return open
  }

  const lane = (name: string): Effect.Effect<Lane> =>
    Effect.succeed({
      name,
      format: undefined,
      send: (to, payload) =>
        Effect.andThen(beforeSending, (): Effect.Effect<Sent, SendError> => {
          const target = typeof to === "string" ? to : to.name
          const failed = (reason: SendErrorReason) => Effect.fail(new SendError({ peer: target, reason }))
          if (target !== peer || other === undefined) return failed(new UnknownPeer())
          if (!other.reads(name)) return failed(new NotReading({ maybeDelivered: false }))
          const text = typeof payload === "string" ? payload : new TextDecoder().decode(payload)
          sent.push(text)
          const on = session
          if (!isLost) other.take(name, text)
          return Effect.as(beforeSent, { session: on })
        }),
      publish: (payload) =>
        Effect.sync(() => {
          if (other?.reads(name) === true) other.take(name, String(payload))
          return { sent: [peer], failed: [] }
        }),
      ready: () => Effect.void,
      readers: Effect.succeed([]),
      readerChanges: Stream.empty,
      read: () => Stream.die("not in use"),
      open: openLane(name),
      deadLetter: () => Effect.void,
      deadLetters: Stream.empty,
    })

  const sessionOver = (over: number): void => {
    const ended: SessionEnded = { _tag: "SessionEnded", from: { name: peer, generation: 1 }, session: over }
    for (const queue of lanes.values()) Queue.offerUnsafe(queue, ended)
  }

  const cluster: Cluster.Cluster["Service"] = { ...node.cluster, lane }
  const side: Side = {
    node: { ...node, cluster },
    sent,
    endSession: Effect.sync(() => {
      sessionOver(session)
      session += 1
    }),
    endOlderSession: Effect.sync(() => sessionOver(sessions - 1)),
    sayAs: (name, text) =>
      Effect.sync(() => {
        for (const each of other?.lanes() ?? []) other?.take(each, text, name)
      }),
    lose: (lost) => {
      isLost = lost
    },
    beforeSending: (effect) => {
      beforeSending = effect
    },
    beforeSent: (effect) => {
      beforeSent = effect
    },
    end: Effect.suspend(() => Effect.forEach(lanes.values(), Queue.end, { discard: true })),
  }
  const connect = (to: ReturnType<typeof receiver>): void => {
    other = to
  }
  return { side, receiver: receiver(), connect }
}

/** Makes the two ends of the pipes. Each end numbers its own sessions. */
export const pair = Effect.fnUntraced(function* ({ node }: World.World) {
  const a = make(yield* node("a"), "b", 10)
  const b = make(yield* node("b"), "a", 20)
  a.connect(b.receiver)
  b.connect(a.receiver)
  return { a: a.side, b: b.side }
})
