/** Runs the code blocks of docs/state.md. */
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger } from "effect"
import * as Example from "../ownedMap.ts"

const logged: Array<string> = []
const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])

it.effect("the code blocks of the guide show the work of one node to another, until it ends", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Layer.build(Example.node(name, ["ann"]).pipe(Layer.provide(network.transport(name)), Layer.provide(logger)))
    const ann = yield* start("ann")
    const bob = yield* start("bob")
    yield* Effect.sleep("5 seconds")
    yield* Effect.forkScoped(Effect.provide(Example.follow, logger).pipe(Effect.provide(ann)))
    const work = yield* Effect.forkScoped(Effect.provide(Example.importFile("users.csv", 10), bob))
    yield* Effect.sleep("550 millis")
    assert.deepStrictEqual(yield* Effect.provide(Example.list, ann), ["bob: users.csv 5 of 10"])
    yield* Fiber.join(work)
    yield* Effect.sleep("100 millis")
    assert.deepStrictEqual(yield* Effect.provide(Example.list, ann), [])
    assert.deepStrictEqual(
      logged.filter((line) => line.endsWith("imports run")),
      ["1 imports run", "0 imports run"],
    )
  }).pipe(Effect.scoped, VirtualTime.flow),
)
