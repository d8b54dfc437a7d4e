import { Topic } from "@coterie/core"
import { Context, Effect, Layer, Ref, Schema, Stream } from "effect"

/** All processes make the topic with this name and a compatible schema. */
const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Finite }))

/** Adds up the orders of all processes, this one included. */
export class Sales extends Context.Service<Sales>()("app/Sales", {
  make: Effect.gen(function* () {
    const sum = yield* Ref.make(0)
    const orders = yield* Topic.open(Orders) // From now on no order of a peer is missed.
    const read = Stream.runForEach(orders.messages, ({ value }) => Ref.update(sum, (before) => before + value.total))
    yield* Effect.forkScoped(read)
    const sell = Effect.fnUntraced(function* (id: string, total: number) {
      const { failed } = yield* orders.publish({ id, total }, { self: true })
      for (const { message } of failed) yield* Effect.logWarning(message) // One for each peer without the order.
    })
    return { revenue: () => Ref.getUnsafe(sum), sell }
  }),
}) {
  static readonly layer = Layer.effect(Sales, Sales.make)
}
