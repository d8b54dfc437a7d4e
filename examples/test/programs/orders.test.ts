import { Cluster } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Sales } from "../../programs/orders.ts"

it.effect("an order reaches all processes", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const start = (name: string) =>
      Layer.provideMerge(Cluster.layerStart, Sales.layer).pipe(
        Layer.provide(Cluster.layer({ cluster: "shop", name, seeds: ["a", "b"], start: "manual" })),
        Layer.provide(network.transport(name)),
        Layer.build,
        Effect.map(Context.get(Sales)),
      )
    const [a, b] = yield* Effect.all([start("a"), start("b")], { concurrency: 2 })
    yield* a.sell("o-1", 12)
    yield* Effect.sleep("1 second") // of virtual time
    assert.deepStrictEqual([a.revenue(), b.revenue()], [12, 12])
  }).pipe(Effect.scoped, VirtualTime.flow),
)
