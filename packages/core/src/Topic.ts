/**
 * Typed messages to subscribers. A topic is a name that all nodes agree on and a schema. No node owns a topic, and no message
 * is stored (docs/messages.md, section "Topics").
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
import type { PeerId, PeerRef } from "./Peer.ts"

/**
 * A value that a peer published.
 *
 * @category models
 * @since 0.1.0
 */
export interface Published<A> {
  readonly from: PeerId
  readonly value: A
  /** Number of the session ({@link Message.session}). Between two sessions with a peer some values may have been lost. */
  readonly session: number
  /** Span in which the value was published, if the publisher traces its messages. */
  readonly span: ExternalSpan | undefined
}

/**
 * A name and a schema, to publish and subscribe with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Topic<A> {
  readonly name: string
  readonly schema: Schema.Codec<A, unknown>
  /**
   * Sends a value to every peer that subscribes, and reports the outcome for each. A peer without a link now may subscribe, so
   * it is reported as `NotConnected`. Waits for a slow subscriber for up to `limits.slowPeerTimeout`, and then skips it at
   * once until it goes on. A value that does not encode is sent to no peer.
   */
  readonly publish: (value: A) => Effect.Effect<BroadcastReport, EncodeError | SendError | OptionsError, Cluster>
  /** Sends a value to one peer that subscribes. */
  readonly send: (
    peer: PeerRef,
    value: A,
    options?: SendOptions,
  ) => Effect.Effect<Sent, EncodeError | SendError | OptionsError, Cluster>
  /**
   * Values that peers publish, from when the stream is run. Each run is a subscription of its own. A slow subscription makes
   * its publishers wait. A message that does not decode goes to {@link Topic.deadLetters}.
   */
  readonly subscribe: Stream.Stream<Published<A>, OptionsError, Cluster>
  /** Subscribes with a buffer other than the default. */
  readonly subscribeWith: (options: ReadOptions) => Stream.Stream<Published<A>, OptionsError, Cluster>
  /** Messages that the subscriptions of this node could not decode, from when the stream is run. */
  readonly deadLetters: Stream.Stream<DeadLetter, OptionsError, Cluster>
}

/**
 * Makes a topic under a name of 1 to 128 bytes. With any other name every operation of the topic fails with `OptionsError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E>(name: string, schema: Schema.Codec<A, E>): Topic<A> => {
  const codecs = new WeakMap<TopicSerialization.Service, TopicSerialization.TopicCodec<A>>()

  const codec = Effect.map(TopicSerialization.TopicSerialization, (serialization) => {
    const known = codecs.get(serialization)
    if (known !== undefined) return known
    const made = serialization.codec(schema)
    codecs.set(serialization, made)
    return made
  })

  const lane = Effect.flatMap(Cluster, (cluster) => cluster.lane(name))

  /** Encodes a value and sends its bytes on the lane of the topic. */
  const encoded = Effect.fnUntraced(function* <B, F>(
    value: A,
    use: (lane: Lane, bytes: Uint8Array) => Effect.Effect<B, F>,
  ) {
    const bytes = (yield* codec).encode(value)
    if (Result.isFailure(bytes)) return yield* new EncodeError({ topic: name, message: bytes.failure.message })
    return yield* use(yield* lane, bytes.success)
  })

  const subscribeWith: Topic<A>["subscribeWith"] = (options) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const open = yield* lane
        const { decode } = yield* codec
        return Stream.transformPull(open.read(options), (pull) => Effect.succeed(decoding(open, decode, pull)))
      }),
    )

  return {
    name,
    schema,
    publish: (value) => encoded(value, (open, bytes) => open.publish(bytes)),
    send: (peer, value, options) => encoded(value, (open, bytes) => open.send(peer, bytes, options)),
    subscribe: subscribeWith({}),
    subscribeWith,
    deadLetters: Stream.unwrap(Effect.map(lane, ({ deadLetters }) => deadLetters)),
  }
}

type Items<E> = Pull.Pull<NonEmptyReadonlyArray<Message | SessionEnded>, E>

/** Returns the values of the next messages, at least one. */
const decoding = <A, E>(
  lane: Lane,
  decode: TopicSerialization.TopicCodec<A>["decode"],
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
