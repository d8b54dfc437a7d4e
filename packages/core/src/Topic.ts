/**
 * Typed messages to subscribers. A topic has a name that all nodes agree on, a schema, and a serialization. No node
 * owns a topic, and no message is stored (docs/messages.md, section "Topics").
 *
 * ```ts
 * import { Topic } from "@coterie/core"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Finite }))
 *
 * const read = Orders.subscribe().pipe(
 *   Stream.runForEach(({ from, value }) => Effect.log(`${from.name}: ${value.id}`)),
 * )
 * const publish = Orders.publish({ id: "o-1", total: 12 })
 * ```
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ExternalSpan } from "effect/Tracer"
import { Cluster } from "./Cluster.ts"
import { EncodeError, OptionsError, type SendError } from "./ClusterError.ts"
import type {
  BroadcastReport,
  DeadLetter,
  Lane,
  LaneItem,
  PublishOptions,
  ReadingPeer,
  ReadOptions,
  SendOptions,
  Sent,
} from "./Lane.ts"
import { type Message, type MessagesLost, release } from "./Message.ts"
import type { PeerId, PeerRef } from "./Peer.ts"
import { formatProblem, nameProblem } from "./protocol/PeerName.ts"
import type * as TopicSerialization from "./TopicSerialization.ts"

/**
 * A value that a peer published.
 *
 * @category models
 * @since 0.1.0
 */
export interface Published<A> {
  readonly _tag: "Published"
  readonly from: PeerId
  readonly value: A
  /** Number of the session (`Message.session`). Values may be lost between two sessions with a peer. */
  readonly session: number
  /** Span in which the value was published, if the publisher traces its messages. */
  readonly span: ExternalSpan | undefined
}

/**
 * A position in a stream at which values may be missing. Either the session with a peer ended and its last values may
 * be lost, or the buffer of the subscription lost values with `dropping` or `sliding`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  /**
   * Peer whose session ended. `undefined` if the buffer of the subscription lost values, which may be from any peers.
   */
  readonly from: PeerId | undefined
  /** Number of the session that ended ({@link Published.session}). `undefined` if the buffer lost values. */
  readonly session: number | undefined
  /** Number of values that the buffer lost. 0 at the end of a session, because the number of lost values is unknown. */
  readonly lost: number
}

/**
 * Options of a subscription.
 *
 * @category options
 * @since 0.1.0
 */
export interface SubscribeOptions extends ReadOptions {
  /** Puts a {@link Gap} into the stream wherever values may be missing. Defaults to `false`: values only. */
  readonly gaps?: boolean | undefined
}

interface WithGaps extends SubscribeOptions {
  readonly gaps: true
}

interface WithoutGaps extends SubscribeOptions {
  readonly gaps?: false | undefined
}

/**
 * Publishes values of a topic from one node. Does not make the node a reader of the topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface Publisher<A> {
  /** Name of the topic. */
  readonly name: string
  /**
   * Sends a value to every peer that subscribes, and reports the outcome for each. A peer without a link may subscribe,
   * so it is reported as `NotConnected`. A peer that subscribes with another serialization is reported as
   * `IncompatibleFormat`. With `self`, the subscriptions of this node also get the value, and the report includes this
   * node. Waits up to `limits.slowPeerTimeout` for a slow subscriber, and then skips it at once until it makes
   * progress. A value that cannot be encoded is sent to no peer, and fails with `EncodeError`.
   */
  readonly publish: (value: A, options?: PublishOptions) => Effect.Effect<BroadcastReport, EncodeError | SendError>
  /**
   * Sends a value to one peer that subscribes. Fails with `NotReading` if the peer does not subscribe, and with
   * `IncompatibleFormat` if it subscribes with another serialization.
   */
  readonly send: (peer: PeerRef, value: A, options?: SendOptions) => Effect.Effect<Sent, EncodeError | SendError>
  /** Returns the nodes that read the topic, including this node, as `Lane.readers` does. */
  readonly readers: Effect.Effect<ReadonlyArray<ReadingPeer>>
  /**
   * The readers of the topic now and after each change, like `Lane.readerChanges`.
   *
   * **When to use**
   *
   * Use it to send the current state to each peer that starts reading, before the changes that are published later.
   */
  readonly readerChanges: Stream.Stream<ReadonlyArray<ReadingPeer>>
}

/**
 * A topic that one node publishes and reads until the scope of {@link open} closes. `Item` is the type of the elements:
 * values, or values and gaps.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenTopic<A, Item = Published<A>> extends Publisher<A> {
  /**
   * Values that peers publish after the topic was opened. The stream ends when this node has left. A message that
   * cannot be decoded goes to {@link OpenTopic.deadLetters}.
   *
   * **Gotchas**
   *
   * Several runs of the stream share the values. While the stream does not run, publishers wait once the buffer is
   * full.
   */
  readonly messages: Stream.Stream<Item>
  /** Messages of this topic that this node could not decode, from the moment the stream runs. */
  readonly deadLetters: Stream.Stream<DeadLetter>
}

/**
 * A name, a schema and a serialization for publishing and subscribing. The operations require a `Cluster`. {@link open}
 * and {@link publisher} bind them to one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Topic<A> {
  readonly name: string
  /** Serialization of this topic. `undefined` for the serialization of the `Cluster` on which the topic is used. */
  readonly serialization: TopicSerialization.Service | undefined
  /** Returns the codec of the topic for a serialization. */
  readonly codec: (serialization: TopicSerialization.Service) => TopicSerialization.TopicCodec<A>
  /** Publishes a value, like {@link Publisher.publish}. */
  readonly publish: (
    value: A,
    options?: PublishOptions,
  ) => Effect.Effect<BroadcastReport, EncodeError | SendError, Cluster>
  /** Sends a value to one peer, like {@link Publisher.send}. */
  readonly send: (
    peer: PeerRef,
    value: A,
    options?: SendOptions,
  ) => Effect.Effect<Sent, EncodeError | SendError, Cluster>
  /**
   * Values that peers publish while the stream runs. Each run is a separate subscription: it opens the topic, and
   * closes it at its end. Fails with the errors of {@link open}.
   */
  readonly subscribe: {
    (options: WithGaps): Stream.Stream<Published<A> | Gap, OptionsError, Cluster>
    (options?: WithoutGaps): Stream.Stream<Published<A>, OptionsError, Cluster>
  }
  /** Messages of this topic that this node could not decode, from the moment the stream runs. */
  readonly deadLetters: Stream.Stream<DeadLetter, never, Cluster>
}

/**
 * Options of a topic.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Serialization of the values. All nodes that share the topic must use the same one. Defaults to the serialization of
   * the `Cluster` (`TopicSerialization.layer`), which is JSON by default.
   */
  readonly serialization?: TopicSerialization.Service | undefined
}

/**
 * Makes a topic with a name of 1 to 128 bytes without control characters.
 *
 * **Gotchas**
 *
 * Throws `OptionsError` if the name or the format of the serialization is invalid, because both are usually constants
 * of the program. Use {@link makeResult} for a name that comes from data.
 *
 * **Example** (A topic that both sides import)
 *
 * ```ts
 * import { Topic } from "@coterie/core"
 * import { Schema } from "effect"
 *
 * export const Orders = Topic.make(
 *   "orders",
 *   Schema.Struct({ id: Schema.String, total: Schema.Finite }),
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E>(name: string, schema: Schema.Codec<A, E>, options?: Options): Topic<A> =>
  Result.getOrThrowWith(makeResult(name, schema, options), (error) => error)

/**
 * Makes a topic, or returns `OptionsError` if the name or the format of the serialization is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeResult = <A, E>(
  name: string,
  schema: Schema.Codec<A, E>,
  options: Options = {},
): Result.Result<Topic<A>, OptionsError> => {
  const { serialization } = options
  const badName = nameProblem(name)
  if (badName !== undefined) {
    const message = `the name ${JSON.stringify(name)} of a topic cannot be used: ${badName}`
    return Result.fail(new OptionsError({ option: "name", problem: message }))
  }
  const badFormat = serialization === undefined ? undefined : formatProblem(serialization.format)
  if (badFormat !== undefined) {
    const message = `the serialization of the topic "${name}" cannot be used: ${badFormat}`
    return Result.fail(new OptionsError({ option: "serialization", problem: message }))
  }
  return Result.succeed(fromCodecs(name, serialization, memoize(schema)))
}

/**
 * Opens a topic on this node: subscribes until the scope closes. Returns the values, and operations that require no
 * `Cluster`.
 *
 * Fails with `OptionsError` if `capacity` is invalid (`capacity`), if this node already reads this topic with another
 * serialization (`format`), or if it already reads 4,096 lanes (`lanes`).
 *
 * **When to use**
 *
 * Use it when no value after a certain moment may be missed: `messages` has every value that peers send to this node
 * after `open` has succeeded, even if the stream runs later. Use {@link publisher} for publishing only, because a node
 * that opens a topic and does not read `messages` makes the publishers wait.
 *
 * **Example** (Subscribe, and then publish)
 *
 * ```ts
 * import { Topic } from "@coterie/core"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Finite }))
 *
 * const program = Effect.gen(function* () {
 *   const orders = yield* Topic.open(Orders)
 *   yield* Effect.forkScoped(Stream.runForEach(orders.messages, ({ value }) => Effect.log(value.id)))
 *   yield* orders.publish({ id: "o-1", total: 12 })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export function open<A>(
  topic: Topic<A>,
  options: WithGaps,
): Effect.Effect<OpenTopic<A, Published<A> | Gap>, OptionsError, Cluster | Scope.Scope>
export function open<A>(
  topic: Topic<A>,
  options?: WithoutGaps,
): Effect.Effect<OpenTopic<A>, OptionsError, Cluster | Scope.Scope>
export function open<A>(
  topic: Topic<A>,
  options: SubscribeOptions = {},
): Effect.Effect<OpenTopic<A, Published<A> | Gap>, OptionsError, Cluster | Scope.Scope> {
  return Effect.gen(function* () {
    const bound = yield* bind(topic)
    const { gaps, ...reading } = options
    return {
      ...publisherOf(bound),
      messages:
        gaps === true
          ? decoded(bound, yield* bound.lane.open({ ...reading, gaps }), gapOf)
          : decoded(bound, yield* bound.lane.open(reading), noGap),
      deadLetters: bound.lane.deadLetters,
    }
  })
}

/**
 * Binds a topic to this node for publishing only. The node does not read the topic, so it delays no publisher and holds
 * no resources.
 *
 * @category constructors
 * @since 0.1.0
 */
export const publisher = <A>(topic: Topic<A>): Effect.Effect<Publisher<A>, never, Cluster> =>
  Effect.map(bind(topic), publisherOf)

// --- one topic on one node ---

/** Lane of a topic on a node, and the codec of its values there. */
interface Bound<A> {
  readonly lane: Lane
  readonly codec: TopicSerialization.TopicCodec<A>
  /** `true` to free the bytes of a message once its value is decoded. */
  readonly releases: boolean
}

/**
 * Binds a topic to the node, with the topic's own serialization or the node's. Ignores a serialization in the context
 * of the caller.
 */
const bind = <A>(topic: Topic<A>): Effect.Effect<Bound<A>, never, Cluster> =>
  Effect.flatMap(Cluster, (cluster) => {
    const { codec, name, serialization = cluster.serialization } = topic
    // The constructors of the topic and the node have checked the name and the format.
    return Effect.map(Effect.orDie(cluster.lane(name, { format: serialization.format })), (lane) => ({
      lane,
      codec: codec(serialization),
      releases: serialization.copiesBytes ?? false,
    }))
  })

const publisherOf = <A>({ codec, lane }: Bound<A>): Publisher<A> => {
  /** Encodes a value and sends its bytes. */
  const encoded = <B>(value: A, send: (bytes: Uint8Array) => Effect.Effect<B, SendError>) =>
    Effect.suspend((): Effect.Effect<B, EncodeError | SendError> => {
      const bytes = codec.encode(value)
      return Result.isSuccess(bytes)
        ? send(bytes.success)
        : Effect.fail(new EncodeError({ topic: lane.name, message: bytes.failure.message }))
    })
  return {
    name: lane.name,
    publish: (value, options) => encoded(value, (bytes) => lane.publish(bytes, options)),
    send: (peer, value, options) => encoded(value, (bytes) => lane.send(peer, bytes, options)),
    readers: lane.readers,
    readerChanges: lane.readerChanges,
  }
}

/** Makes a topic from a checked name and a checked serialization. */
const fromCodecs = <A>(name: string, serialization: Topic<A>["serialization"], codec: Topic<A>["codec"]): Topic<A> => {
  function subscribe(options: WithGaps): Stream.Stream<Published<A> | Gap, OptionsError, Cluster>
  function subscribe(options?: WithoutGaps): Stream.Stream<Published<A>, OptionsError, Cluster>
  function subscribe(options: SubscribeOptions = {}): Stream.Stream<Published<A> | Gap, OptionsError, Cluster> {
    const { gaps, ...others } = options
    const opened = gaps === true ? open(topic, { ...others, gaps }) : open(topic, others)
    return Stream.unwrap(Effect.map(opened, ({ messages }): Stream.Stream<Published<A> | Gap> => messages))
  }
  const bound = Effect.suspend(() => bind(topic))
  const publisher = Effect.map(bound, publisherOf)
  const topic: Topic<A> = {
    name,
    serialization,
    codec,
    publish: (value, options) => Effect.flatMap(publisher, ({ publish }) => publish(value, options)),
    send: (peer, value, options) => Effect.flatMap(publisher, ({ send }) => send(peer, value, options)),
    subscribe,
    deadLetters: Stream.unwrap(Effect.map(bound, ({ lane }) => lane.deadLetters)),
  }
  return topic
}

/** Returns a function that makes the codec of a schema once for each serialization. */
const memoize = <A, E>(schema: Schema.Codec<A, E>): Topic<A>["codec"] => {
  const codecs = new WeakMap<TopicSerialization.Service, TopicSerialization.TopicCodec<A>>()
  return (serialization) => {
    const known = codecs.get(serialization)
    if (known !== undefined) return known
    const made = serialization.codec(schema)
    codecs.set(serialization, made)
    return made
  }
}

// --- reading ---

/** Item of a lane other than a message. */
type Mark = Exclude<LaneItem | MessagesLost, Message>

const noGap = (): undefined => undefined

const gapOf = (mark: Mark): Gap | undefined => {
  switch (mark._tag) {
    case "SessionStarted":
      return undefined
    case "SessionEnded":
      return { _tag: "Gap", from: mark.from, session: mark.session, lost: 0 }
    case "MessagesLost":
      return { _tag: "Gap", from: undefined, session: undefined, lost: mark.count }
  }
}

/** Returns the values of the messages, and the result of `gapOf` for the other items. */
const decoded = <A, G extends Gap = never>(
  bound: Bound<A>,
  items: Stream.Stream<LaneItem | MessagesLost>,
  gapOf: (mark: Mark) => G | undefined,
): Stream.Stream<Published<A> | G> =>
  Stream.transformPull(items, (pull) => Effect.succeed(decoding(bound, gapOf, pull)))

/** Returns the next values and gaps, at least one. */
const decoding = <A, G, E>(
  bound: Bound<A>,
  gapOf: (mark: Mark) => G | undefined,
  pull: Pull.Pull<NonEmptyReadonlyArray<LaneItem | MessagesLost>, E>,
): Pull.Pull<NonEmptyReadonlyArray<Published<A> | G>, E> =>
  Effect.flatMap(pull, (items) => {
    const { codec, lane, releases } = bound
    const values: Array<Published<A> | G> = []
    const letters: Array<Effect.Effect<void>> = []
    for (const item of items) {
      if (item._tag !== "Message") {
        const gap = gapOf(item)
        if (gap !== undefined) values.push(gap)
        continue
      }
      const { from, session, span } = item
      const value = codec.decode(item.payload)
      if (Result.isFailure(value)) {
        letters.push(lane.deadLetter(item, value.failure.message))
        continue
      }
      values.push({ _tag: "Published", from, value: value.success, session, span })
      if (releases) release(item)
    }
    const next = Arr.isReadonlyArrayNonEmpty(values) ? Effect.succeed(values) : decoding(bound, gapOf, pull)
    return letters.length === 0 ? next : Effect.andThen(Effect.all(letters, { discard: true }), next)
  })
