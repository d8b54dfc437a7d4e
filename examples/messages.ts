/** Code blocks of docs/messages.md. examples/test/messages.test.ts runs them. */
import { Cluster, Message, Topic, TopicSerialization } from "@coterie/core"
import { Effect, Layer, Ref, Result, Schema, Semaphore, Stream } from "effect"

// #region reading
/**
 * Runs a program and a reader of the inbox. If the reader fails, it interrupts the program and fails with the same
 * error.
 */
export const whileReading = Effect.fnUntraced(function* <A, E, E2, R, R2>(
  handle: (message: Message.Message) => Effect.Effect<void, E, R>,
  program: Effect.Effect<A, E2, R2>,
) {
  const { inbox } = yield* Cluster.Cluster
  // The stream ends when the node has left. That must not stop the program.
  const reader = Effect.andThen(Stream.runForEach(inbox, handle), Effect.never)
  return yield* Effect.raceFirst(program, reader)
})

/** Reads the inbox in a separate fiber. Logs a message that cannot be handled and continues with the next. */
export const readForked = Effect.fnUntraced(function* <E, R>(
  handle: (message: Message.Message) => Effect.Effect<void, E, R>,
) {
  const { inbox } = yield* Cluster.Cluster
  yield* inbox.pipe(
    Stream.runForEach((message) =>
      Effect.ignoreCause(handle(message), { log: "Warn", message: `a message from ${message.from.name} failed` }),
    ),
    Effect.forkScoped,
  )
})
// #endregion

// #region releasing
/** Stores the blocks that peers send, and gives the memory of each block back once it is stored. */
export const storeBlocks = Effect.fnUntraced(function* <E, R>(store: (block: Uint8Array) => Effect.Effect<void, E, R>) {
  const { inbox } = yield* Cluster.Cluster
  yield* Stream.runForEach(inbox, (message) =>
    Effect.ensuring(
      store(message.payload),
      Effect.sync(() => Message.release(message)),
    ),
  )
})
// #endregion

// #region replying
/** Replies to every message, up to 100 at one time. Reads the inbox further while replies wait for their receivers. */
export const replyToAll = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const places = yield* Semaphore.make(100)
  const reply = ({ from, text }: Message.Message) =>
    cluster.send(from.name, `you said: ${text}`).pipe(
      // A peer that takes no replies must not occupy a place forever.
      Effect.timeout("10 seconds"),
      Effect.ignore,
      Effect.ensuring(places.release(1)),
    )
  yield* Stream.runForEach(cluster.inbox, (message) =>
    Effect.andThen(places.take(1), Effect.forkScoped(reply(message))),
  )
})
// #endregion

// #region topic
/** All processes use this name and this schema. A topic has no owner, and its messages are not stored. */
const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Finite }))

/** Reads the orders that other nodes publish from then on. Publishers wait for a slow reader and skip a stalled one. */
export const readOrders = Orders.subscribe().pipe(
  Stream.runForEach(({ from, value }) => Effect.log(`${from.name} sold ${value.id} for ${value.total}`)),
)

/**
 * Publishes an order to the subscribed peers. The report has the peers that it was sent to, and the errors of others.
 */
export const publishOrder = Orders.publish({ id: "o-1", total: 12 })
// #endregion

// #region start
/** Loads the prices, opens the topic, and reads it in a fiber of its scope. */
const OrdersReader = (loadPrices: Effect.Effect<ReadonlyMap<string, number>>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const prices = yield* loadPrices
      const orders = yield* Topic.open(Orders)
      yield* orders.messages.pipe(
        Stream.runForEach(({ from, value }) => Effect.log(`${from.name} sold ${value.id} at ${prices.get(value.id)}`)),
        Effect.forkScoped,
      )
    }),
  )

/** Runs a node that starts once the topic is open, so that it misses no order of a peer that lists it. */
export const layerShop = (name: string, loadPrices: Effect.Effect<ReadonlyMap<string, number>>) =>
  Cluster.layerStart.pipe(
    Layer.provideMerge(OrdersReader(loadPrices)),
    Layer.provideMerge(Cluster.layer({ cluster: "shop", name, seeds: ["peer"], start: "manual" })),
  )
// #endregion

// #region open
/** Opens a topic, which then reads at once and publishes without a `Cluster` in its requirements. */
export const countOrders = Effect.gen(function* () {
  const orders = yield* Topic.open(Orders)
  const count = yield* Ref.make(0)
  yield* Effect.forkScoped(Stream.runForEach(orders.messages, () => Ref.update(count, (n) => n + 1)))
  // With `self`, the subscriptions of this node receive the value, too.
  yield* orders.publish({ id: "o-2", total: 5 }, { self: true })
  return count
})
// #endregion

// #region lane
/** Reads a lane, which carries bytes or text under a name and has no schema. */
export const readJobs = Effect.gen(function* () {
  const { lane } = yield* Cluster.Cluster
  const jobs = yield* lane("jobs")
  yield* jobs
    .read()
    .pipe(
      Stream.runForEach((item) =>
        item._tag === "Message"
          ? Effect.log(`${item.from.name} wants ${item.text}`)
          : Effect.log(`${item._tag} ${item.session} with ${item.from.name}`),
      ),
    )
})
// #endregion

// #region lossy
/** Reads the newest ten orders. Older ones are dropped, so that publishers do not wait for this reader. */
export const readLatest = Orders.subscribe({ strategy: "sliding", capacity: 10 })
// #endregion

// #region confirm
/** Returns `taken` when the peer's reader has taken the job, or the reason why that is not certain. */
export const handOver = Effect.fnUntraced(function* (peer: string, job: string) {
  const cluster = yield* Cluster.Cluster
  return yield* cluster.send(peer, job, { confirm: true, timeout: "5 seconds" }).pipe(
    Effect.as("taken"),
    // The peer does not read the lane, so it has not taken the job, and another peer can do it.
    Effect.catchReason("SendError", "NotReading", () => Effect.succeed("no reader")),
    Effect.catchTag("SendError", (error) =>
      // Send a job again only if the peer has certainly not taken it, or if the job may run twice.
      Effect.succeed(error.maybeDelivered ? "unknown" : `not taken: ${error.reason.message}`),
    ),
  )
})
// #endregion

// #region tracing
/** Continues the trace of a publisher that has the option `tracing: true`. */
export const shipOrders = Orders.subscribe().pipe(
  Stream.runForEach(({ span, value }) =>
    Effect.log(`shipping ${value.id}`).pipe(Effect.withSpan("ship the order", { parent: span })),
  ),
)
// #endregion

// #region compatible
/** Returns those values of one version that the other version cannot read. */
export const unreadable = <A, B>(
  writer: Schema.Codec<A, unknown>,
  reader: Schema.Codec<B, unknown>,
  values: ReadonlyArray<A>,
): ReadonlyArray<A> => {
  const { encode } = TopicSerialization.json.codec(writer)
  const { decode } = TopicSerialization.json.codec(reader)
  return values.filter((value) => Result.isFailure(Result.flatMap(encode(value), decode)))
}
// #endregion
