/**
 * Typed messages to those who subscribed. A topic is a name that all agree on and a schema; nobody owns it, and nothing is
 * kept of it (docs/messages.md, section "Topics").
 *
 * ```ts
 * const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Number }))
 *
 * Orders.subscribe.pipe(Stream.runForEach(({ from, value }) => Effect.log(`${from.name}: ${value.id}`)))
 * Orders.publish({ id: "o-1", total: 12 })
 * ```
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ExternalSpan } from "effect/Tracer"
import { Cluster } from "./Cluster.ts"
import type { OptionsError, SendError } from "./ClusterError.ts"
import { EncodeError } from "./ClusterError.ts"
import * as TopicSerialization from "./TopicSerialization.ts"
import type { BroadcastReport, DeadLetter, Lane, ReadOptions, SendOptions, Sent } from "./Lane.ts"
import type { Message, SessionEnded } from "./Message.ts"
import type { PeerRef } from "./Peer.ts"
import type { PeerId } from "./Peer.ts"

/** A value that a peer published. */
export interface Published<A> {
  readonly from: PeerId
  readonly value: A
  /** See {@link Message.session}: between two sessions with a peer some values may have been lost. */
  readonly session: number
  /** The span that published it, if the publisher traces its messages. */
  readonly span: ExternalSpan | undefined
}

export interface Topic<A> {
  readonly name: string
  /**
   * Sends a value to every peer that subscribes, and reports for each of these, and for each that has no link now, as it
   * may subscribe (`notConnected`). A peer whose subscription is slow is waited for, for `limits.slowPeerTimeout`. A value
   * that does not encode is sent to nobody.
   */
  readonly publish: (value: A) => Effect.Effect<BroadcastReport, EncodeError | SendError | OptionsError, Cluster>
  /** Sends a value to one peer that subscribes. */
  readonly send: (
    peer: PeerRef,
    value: A,
    options?: SendOptions,
  ) => Effect.Effect<Sent, EncodeError | SendError | OptionsError, Cluster>
  /**
   * What peers publish from when the stream is run; each run is a subscription of its own. Its publishers wait when it is
   * slow. What does not decode is no value: see {@link Topic.deadLetters}.
   */
  readonly subscribe: Stream.Stream<Published<A>, OptionsError, Cluster>
  /** The same with another buffer. */
  readonly subscribeWith: (options: ReadOptions) => Stream.Stream<Published<A>, OptionsError, Cluster>
  /** What this node's subscriptions could not decode, from when the stream is run. */
  readonly deadLetters: Stream.Stream<DeadLetter, OptionsError, Cluster>
}

/** A topic under a name of 1 to 128 bytes. Another name is an `OptionsError` of everything that is done with it. */
export const make = <A, E>(name: string, schema: Schema.Codec<A, E>): Topic<A> => {
  const coders = new WeakMap<TopicSerialization.Serialization, TopicSerialization.ValueCodec<A>>()

  const coder = Effect.map(TopicSerialization.TopicSerialization, (format) => {
    const known = coders.get(format)
    if (known !== undefined) return known
    const made = format.codec(schema)
    coders.set(format, made)
    return made
  })

  const lane = Effect.flatMap(Cluster, (cluster) => cluster.lane(name))

  /** Does something with the bytes of a value. */
  const encoded = Effect.fnUntraced(function* <B, F>(
    value: A,
    use: (lane: Lane, bytes: Uint8Array) => Effect.Effect<B, F>,
  ) {
    const bytes = (yield* coder).encode(value)
    if (Result.isFailure(bytes)) return yield* new EncodeError({ topic: name, message: bytes.failure.message })
    return yield* use(yield* lane, bytes.success)
  })

  const subscribeWith: Topic<A>["subscribeWith"] = (options) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const open = yield* lane
        const { decode } = yield* coder
        return Stream.transformPull(open.read(options), (pull) => Effect.succeed(decoding(open, decode, pull)))
      }),
    )

  return {
    name,
    publish: (value) => encoded(value, (open, bytes) => open.publish(bytes)),
    send: (peer, value, options) => encoded(value, (open, bytes) => open.send(peer, bytes, options)),
    subscribe: subscribeWith({}),
    subscribeWith,
    deadLetters: Stream.unwrap(Effect.map(lane, ({ deadLetters }) => deadLetters)),
  }
}

type Items<E> = Pull.Pull<NonEmptyReadonlyArray<Message | SessionEnded>, E>

/** The values of the next messages, at least one. */
const decoding = <A, E>(
  lane: Lane,
  decode: TopicSerialization.ValueCodec<A>["decode"],
  pull: Items<E>,
): Pull.Pull<NonEmptyReadonlyArray<Published<A>>, E> =>
  Effect.flatMap(pull, (items) => {
    const values: Array<Published<A>> = []
    const letters: Array<Effect.Effect<void>> = []
    for (const item of items) {
      if (item._tag === "SessionEnded") continue
      const { from, session, span } = item
      const value = decode(item.payload)
      if (Result.isSuccess(value)) values.push({ from, value: value.success, session, span })
      else letters.push(lane.deadLetter(item, value.failure.message))
    }
    const next = Arr.isReadonlyArrayNonEmpty(values) ? Effect.succeed(values) : decoding(lane, decode, pull)
    return letters.length === 0 ? next : Effect.andThen(Effect.all(letters, { discard: true }), next)
  })
