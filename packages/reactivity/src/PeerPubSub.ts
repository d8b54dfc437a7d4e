/**
 * A `PubSub` over all nodes of a cluster: what one node publishes, the subscriptions of all nodes get, its own included.
 *
 * ```ts
 * import { Topic } from "@coterie/core"
 * import { PeerPubSub } from "@coterie/reactivity"
 * import { Effect, PubSub, Schema, Stream } from "effect"
 *
 * const Notices = Topic.make("notices", Schema.Struct({ user: Schema.String, text: Schema.String }))
 *
 * const program = Effect.gen(function* () {
 *   const notices = yield* PeerPubSub.make(Notices, { strategy: "sliding", capacity: 100 })
 *   const subscription = yield* notices.subscribe
 *   yield* notices.publish({ user: "ann", text: "hello" })
 *   const { text } = yield* PubSub.take(subscription)
 *   yield* Effect.log(text)
 *   // For each socket of this node, for example:
 *   yield* Effect.forkScoped(Stream.runForEach(notices.stream, ({ user }) => Effect.log(user)))
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import { type EncodeError, OptionsError, type SendError } from "@coterie/core/ClusterError"
import type { BroadcastReport } from "@coterie/core/Lane"
import * as Topic from "@coterie/core/Topic"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as LocalFanOut from "./internal/LocalFanOut.ts"

/**
 * Options of a PubSub, which concern the subscriptions of this node. Other nodes may have other ones.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Treatment of a value that does not fit into the buffer, because a subscription of this node is slow. Defaults to
   * `suspend`.
   *
   * - `suspend`: the other subscriptions of this node wait, and then the publishers. A publisher waits up to
   *   `limits.slowPeerTimeout` once, and then skips this node until it makes progress.
   * - `dropping`: all subscriptions of this node lose the new value.
   * - `sliding`: the slow subscription loses the oldest value. Nobody waits. Use it to write to sockets.
   */
  readonly strategy?: "suspend" | "dropping" | "sliding" | undefined
  /**
   * Number of values that the buffer of this node holds for its slowest subscription. Defaults to 1,024. The buffer may
   * use this number times the largest value.
   */
  readonly capacity?: number | undefined
}

/** Default of {@link Options.capacity}: some seconds of a busy topic. */
const defaultCapacity = 1_024

/**
 * A PubSub over all nodes. Its operations have the names of Effect's `PubSub`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerPubSub<A> {
  /** Name of the topic. */
  readonly name: string
  /**
   * Publishes a value to the subscriptions of all nodes, and reports the outcome for each node, this one included. The
   * subscriptions of this node get it in the order in which it was published.
   *
   * **Details**
   *
   * Fails with `EncodeError` if the value does not match the schema of the topic, and with `SendError` if it is too
   * large or this node has left. In these cases no node gets it. `publish` of the topic has the further details. After
   * `shutdown` it interrupts the fiber that calls it.
   *
   * **Gotchas**
   *
   * With `suspend`, a fiber that takes from a subscription and publishes in between waits for itself once the buffer is
   * full, for up to `limits.slowPeerTimeout`. Publish in another fiber.
   */
  readonly publish: (value: A) => Effect.Effect<BroadcastReport, EncodeError | SendError>
  /**
   * Publishes values one after the other. `sent` of the report has the nodes that got all of them, and `failed` has every
   * error. An error that concerns all nodes ends it, with the values before it published.
   */
  readonly publishAll: (values: Iterable<A>) => Effect.Effect<BroadcastReport, EncodeError | SendError>
  /**
   * Subscribes until the scope closes. The functions of Effect's `PubSub` take from the subscription: `take`, `takeAll`,
   * `takeUpTo`. After `shutdown`, and when this node has left, taking interrupts the fiber.
   */
  readonly subscribe: Effect.Effect<PubSub.Subscription<A>, never, Scope.Scope>
  /** Values from the moment the stream runs. Ends after `shutdown`, and when this node has left. */
  readonly stream: Stream.Stream<A>
  /**
   * Values with their publishers, from the moment the stream runs, and a `Gap` wherever values may be missing: the
   * session with a peer ended, or this subscription was slow and has lost values. Ends like `stream`.
   */
  readonly streamWithGaps: Stream.Stream<Topic.Published<A> | Topic.Gap>
  /** Ends the subscriptions of this node, and stops to read the topic. Other nodes continue. */
  readonly shutdown: Effect.Effect<void>
  /** Returns `true` after `shutdown`, and when this node has left. */
  readonly isShutdown: Effect.Effect<boolean>
  /** Waits for `shutdown`, or until this node has left. */
  readonly awaitShutdown: Effect.Effect<void>
}

/**
 * Makes a PubSub of a topic, which this node reads until the scope closes.
 *
 * **When to use**
 *
 * Use it where many subscriptions of a node want the values of a topic, such as its sockets: each value is decoded once
 * for all of them. Make it before the node starts, so that no value is missed. Use `Topic.open` for one reader.
 *
 * **Details**
 *
 * Values arrive at most once, and are not stored: a node that has no link misses what is published meanwhile. A node
 * without subscriptions drops the values. Fails with `OptionsError` if the capacity is invalid, and with the errors of
 * `Topic.open`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <A>(
  topic: Topic.Topic<A>,
  { capacity = defaultCapacity, strategy = "suspend" }: Options = {},
): Effect.fn.Return<PeerPubSub<A>, OptionsError, Cluster | Scope.Scope> {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    return yield* new OptionsError({ option: "capacity", problem: "it must be a whole number of at least 1" })
  }
  const scope = yield* Scope.fork(yield* Effect.scope)
  const ended = Deferred.makeUnsafe<void>()
  const fanOut = yield* LocalFanOut.make<A>({ strategy, capacity })
  const end = Effect.andThen(fanOut.end, Deferred.succeed(ended, undefined))
  yield* Scope.addFinalizer(scope, end)
  const opened = yield* Scope.provide(Topic.open(topic, { gaps: true }), scope)
  yield* opened.messages.pipe(
    Stream.runForEachArray((items) => fanOut.publish(items)),
    Effect.ensuring(end),
    Effect.forkIn(scope),
  )
  const whileOpen = <B, E>(effect: Effect.Effect<B, E>): Effect.Effect<B, E> =>
    Effect.suspend(() => (scope.state._tag === "Closed" ? Effect.interrupt : effect))
  const publish = (value: A) => whileOpen(opened.publish(value, { self: true }))
  const values = Stream.filterMap(fanOut.stream, valueOf)
  return {
    name: topic.name,
    publish,
    publishAll: (values) => Effect.map(Effect.forEach(values, publish), merge),
    subscribe: fanOut.subscribe,
    stream: values,
    streamWithGaps: fanOut.stream,
    shutdown: Scope.close(scope, Exit.void),
    isShutdown: Effect.sync(() => Deferred.isDoneUnsafe(ended)),
    awaitShutdown: Deferred.await(ended),
  }
})

const valueOf = <A>(item: Topic.Published<A> | Topic.Gap) =>
  item._tag === "Published" ? Result.succeed(item.value) : Result.failVoid

/** Merges the reports of several values. */
const merge = (reports: ReadonlyArray<BroadcastReport>): BroadcastReport => {
  const [first, ...others] = reports
  const sent = new Set(first?.sent)
  for (const report of others) {
    const names = new Set(report.sent)
    for (const name of sent) if (!names.has(name)) sent.delete(name)
  }
  return { sent: [...sent], failed: reports.flatMap(({ failed }) => failed) }
}
