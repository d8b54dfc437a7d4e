/** Runs the code blocks of docs/state.md, section "Presence". */
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import * as Example from "../presence.ts"

const logged: Array<string> = []
const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])

it.effect("the code blocks of the guide show a user who reconnects at another node, and then leaves", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Layer.build(Example.node(name, ["a"]).pipe(Layer.provide(network.transport(name)), Layer.provide(logger)))
    const a = yield* start("a")
    const b = yield* start("b")
    yield* Effect.sleep("5 seconds")
    yield* Effect.forkScoped(Effect.provide(Example.follow, logger).pipe(Effect.provide(a)))
    const serve = (device: string, seconds: number) => Example.serve("ann", device, Effect.sleep(`${seconds} seconds`))
    yield* Effect.forkScoped(Effect.provide(serve("phone", 10), a))
    yield* Effect.forkScoped(Effect.provide(serve("laptop", 5), b))
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(yield* Effect.provide(Example.online, b), ["ann: phone, laptop"])
    yield* Effect.sleep("10 seconds")
    yield* Effect.provide(serve("laptop", 10), b)
    yield* Effect.sleep("4 seconds")
    assert.deepStrictEqual(yield* Effect.provide(Example.online, a), ["ann: laptop"])
    yield* Effect.sleep("2 seconds")
    assert.deepStrictEqual(yield* Effect.provide(Example.online, a), [])
    assert.deepStrictEqual(
      logged.filter((line) => /here$|has left$/.test(line)),
      ["0 users are here", "ann is here", "ann has left"],
    )
  }).pipe(Effect.scoped, VirtualTime.flow),
)
