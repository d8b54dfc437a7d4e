/** The pieces of code of docs/messages.md; examples/test/messages.test.ts runs them. */
import { Cluster, Topic } from "@coterie/core"
import type { Message } from "@coterie/core"
import { Effect, Layer, Ref, Schema, Semaphore, Stream } from "effect"

// #region reading
/** Runs a program beside the reader of the inbox. If the reader fails, the program is stopped and this fails with it. */
export const whileReading = Effect.fnUntraced(function* <A, E, E2, R, R2>(
  handle: (message: Message.Message) => Effect.Effect<void, E, R>,
  program: Effect.Effect<A, E2, R2>,
) {
  const { inbox } = yield* Cluster.Cluster
  // The stream ends when the node has left, which is no reason to stop the program.
  const reader = Effect.andThen(Stream.runForEach(inbox, handle), Effect.never)
  return yield* Effect.raceFirst(program, reader)
})

/** Reads the inbox in a fiber of its own. A message that cannot be handled has a line in the log, and the reader goes on. */
export const readForked = Effect.fnUntraced(function* <E, R>(
  handle: (message: Message.Message) => Effect.Effect<void, E, R>,
) {
  const { inbox } = yield* Cluster.Cluster
  yield* inbox.pipe(
    Stream.runForEach((message) =>
      Effect.ignoreCause(handle(message), { log: "Warn", message: `a message of ${message.from.name} failed` }),
    ),
    Effect.forkScoped,
  )
})
// #endregion

// #region answering
/** Answers every message, up to 100 at one time. The inbox is read on while an answer waits for its receiver. */
export const answerAll = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const places = yield* Semaphore.make(100)
  const answer = ({ from, text }: Message.Message) =>
    cluster.send(from.name, `you said: ${text}`).pipe(
      // Whoever takes no answers must not hold a place for ever.
      Effect.timeout("10 seconds"),
      Effect.ignore,
      Effect.ensuring(places.release(1)),
    )
  yield* Stream.runForEach(cluster.inbox, (message) =>
    Effect.andThen(places.take(1), Effect.forkScoped(answer(message))),
  )
})
// #endregion

// #region topic
/** A name and a schema that all agree on. Nobody owns a topic, and nothing is kept of it. */
const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Finite }))

/** Reads the orders that others publish from now on. Publishers wait for a slow reader, and skip one that stands still. */
export const readOrders = Orders.subscribe().pipe(
  Stream.runForEach(({ from, value }) => Effect.log(`${from.name} sold ${value.id} for ${value.total}`)),
)

/** Goes to every peer that subscribes and to nobody else. The report says to whom, and why not to others. */
export const publishOrder = Orders.publish({ id: "o-1", total: 12 })
// #endregion

// #region start
/** Loads what it needs, opens the topic, and reads in a fiber of its scope. */
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

/** Runs a node that takes part once the topic is open, so it misses no order of a peer that sees it. */
export const layerShop = (name: string, loadPrices: Effect.Effect<ReadonlyMap<string, number>>) =>
  Cluster.layerStart.pipe(
    Layer.provideMerge(OrdersReader(loadPrices)),
    Layer.provideMerge(Cluster.layer({ cluster: "shop", name, seeds: ["peer"], start: "manual" })),
  )
// #endregion

// #region open
/** Reads from the moment at which it is opened, and publishes without naming the `Cluster` again. */
export const countOrders = Effect.gen(function* () {
  const orders = yield* Topic.open(Orders)
  const count = yield* Ref.make(0)
  yield* Effect.forkScoped(Stream.runForEach(orders.messages, () => Ref.update(count, (n) => n + 1)))
  // With `self` the value reaches the subscriptions of this node, too.
  yield* orders.publish({ id: "o-2", total: 5 }, { self: true })
  return count
})
// #endregion

// #region lane
/** Reads a lane without a schema: bytes or text under a name. */
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
/** A gauge that is shown to people: only the newest ten are of interest, and nobody is to wait for them. */
export const readLatest = Orders.subscribe({ strategy: "sliding", capacity: 10 })
// #endregion

// #region confirm
/** Ends when the peer's reader has taken the job, or says why that is not known. */
export const handOver = Effect.fnUntraced(function* (peer: string, job: string) {
  const cluster = yield* Cluster.Cluster
  return yield* cluster.send(peer, job, { confirm: true, timeout: "5 seconds" }).pipe(
    Effect.as("taken"),
    // No reader takes what nobody reads, so another peer can do the job.
    Effect.catchReason("SendError", "NotReading", () => Effect.succeed("nobody there")),
    Effect.catchTag("SendError", (error) =>
      // Send a job again only if the peer has certainly not taken it, or if it does no harm to do the job twice.
      Effect.succeed(error.maybeDelivered ? "unknown" : `not taken: ${error.reason.message}`),
    ),
  )
})
// #endregion

// #region tracing
/** Of a publisher with the option `tracing: true`. */
export const shipOrders = Orders.subscribe().pipe(
  Stream.runForEach(({ span, value }) =>
    Effect.log(`shipping ${value.id}`).pipe(Effect.withSpan("ship the order", { parent: span })),
  ),
)
// #endregion
