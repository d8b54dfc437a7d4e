import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Sales from "../sales.ts"

it.effect("each process counts the orders of all processes", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const start = (name: string) =>
      Sales.layer({ name, seeds: ["ann"] }).pipe(Layer.provide(network.transport(name)), Layer.build)
    const ann = yield* start("ann")
    const bob = yield* start("bob")
    assert.isTrue(yield* Effect.provide(Sales.isReady, bob))

    const report = yield* Context.get(bob, Sales.Sales).sell({ id: "o-1", total: 12 })
    assert.sameMembers([...report.sent], ["ann", "bob"])
    yield* Effect.sleep("1 second") // of virtual time
    assert.strictEqual(yield* Context.get(ann, Sales.Sales).total, 12)
    assert.strictEqual(yield* Context.get(bob, Sales.Sales).total, 12)
  }).pipe(Effect.scoped, VirtualTime.flow),
)
