/** The service of docs/getting-started.md; examples/test/sales.test.ts runs it. */
// #region topic
import { Cluster, ClusterError, Lane, Topic } from "@coterie/core"
import { Context, Effect, Layer, Ref, Schema, Stream } from "effect"

const Order = Schema.Struct({ id: Schema.String, total: Schema.Finite })

/** All processes use this name and this schema. */
const Orders = Topic.make("orders", Order)

/** Adds up the orders of all processes. */
export class Sales extends Context.Service<
  Sales,
  {
    readonly sell: (
      order: typeof Order.Type,
    ) => Effect.Effect<Lane.BroadcastReport, ClusterError.EncodeError | ClusterError.SendError>
    readonly total: Effect.Effect<number>
  }
>()("examples/Sales") {
  static readonly layer = Layer.effect(
    Sales,
    Effect.gen(function* () {
      const orders = yield* Topic.open(Orders)
      const total = yield* Ref.make(0)
      yield* orders.messages.pipe(
        Stream.runForEach(({ value }) => Ref.update(total, (sum) => sum + value.total)),
        Effect.forkScoped,
      )
      return {
        // With `self`, this process receives its own orders, too.
        sell: (order) => orders.publish(order, { self: true }),
        total: Ref.get(total),
      }
    }),
  )
}
// #endregion

// #region start
/** Builds the node, then the services that read messages, and starts the node last. */
export const layer = (options: { readonly name: string; readonly seeds: ReadonlyArray<string> }) =>
  Cluster.layerStart.pipe(
    Layer.provideMerge(Sales.layer),
    Layer.provideMerge(Cluster.layer({ cluster: "shop", start: "manual", ...options })),
  )
// #endregion

// #region ready
/** Returns whether requests may be routed to this process. It may serve without peers, so readiness does not depend on them. */
export const isReady = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const status = yield* cluster.status
  return status._tag === "Member" || status._tag === "Alone"
})
// #endregion
