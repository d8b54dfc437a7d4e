/** The pieces of code of docs/messages.md, and of the section "Topics" of README.md; examples/test/messages.test.ts runs them. */
import { Cluster, Topic } from "@coterie/core"
import { Effect, Schema, Stream } from "effect"

// #region topic
/** A name and a schema that all agree on. Nobody owns a topic, and nothing is kept of it. */
const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Finite }))

/** Reads the orders that others publish from now on. The publishers wait while this reader is slow. */
export const readOrders = Orders.subscribe.pipe(
  Stream.runForEach(({ from, value }) => Effect.log(`${from.name} sold ${value.id} for ${value.total}`)),
)

/** Goes to every peer that subscribes and to nobody else. The report says to whom, and why not to others. */
export const publishOrder = Orders.publish({ id: "o-1", total: 12 })
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
          : Effect.log(`the session ${item.session} with ${item.from.name} is over`),
      ),
    )
})
// #endregion

// #region lossy
/** A gauge that is shown to people: only the newest ten are of interest, and nobody is to wait for them. */
export const readLatest = Orders.subscribeWith({ strategy: "sliding", capacity: 10 })
// #endregion

// #region confirm
/** Ends when the reader of the other took the job, or says why that is not known. */
export const handOver = Effect.fnUntraced(function* (peer: string, job: string) {
  const cluster = yield* Cluster.Cluster
  return yield* cluster.send(peer, job, { confirm: true, timeout: "5 seconds" }).pipe(
    Effect.as("taken"),
    Effect.catchTag("SendError", (error) =>
      // After these two the job may have been taken. Do it again only if that does no harm.
      error.reason === "timeout" || error.reason === "linkLost"
        ? Effect.succeed("unknown")
        : Effect.succeed(`not taken: ${error.message}`),
    ),
  )
})
// #endregion

// #region tracing
/** Of a publisher with the option `tracing: true`. */
export const shipOrders = Orders.subscribe.pipe(
  Stream.runForEach(({ span, value }) =>
    Effect.log(`shipping ${value.id}`).pipe(Effect.withSpan("ship the order", { parent: span })),
  ),
)
// #endregion
