/** Runs the code blocks of docs/state.md. */
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import * as Example from "../sharedValue.ts"

const logged: Array<string> = []
const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])

it.effect("the code blocks of the guide roll out a feature on all nodes, and say which change was lost", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Layer.build(Example.node(name, ["ann"]).pipe(Layer.provide(network.transport(name))))
    const ann = yield* start("ann")
    const bob = yield* start("bob")
    yield* Effect.sleep("5 seconds")
    yield* Effect.forkScoped(Effect.provide(Effect.provide(Example.follow, logger), ann))
    assert.strictEqual(yield* Effect.provide(Example.checkout, bob), "old")
    for (let i = 0; i < 8; i++) yield* Effect.provide(Example.widen, ann)
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* Effect.provide(Example.checkout, bob), "new")
    assert.strictEqual(logged.at(-1), "ann sets 1")
    const set = (value: number) => Effect.flatMap(Example.NewCheckout, (share) => share.set(value))
    yield* Effect.all([Effect.provide(set(0.25), ann), Effect.provide(set(0.5), bob)], { concurrency: 2 })
    yield* Effect.sleep("1 second")
    // Neither node had seen the write of the other one, and both clocks showed the same time, so the name decided.
    assert.sameMembers(logged.slice(-2), ["bob sets 0.5", "ann's 0.25 lost to 0.5"])
  }).pipe(Effect.scoped, VirtualTime.flow),
)
