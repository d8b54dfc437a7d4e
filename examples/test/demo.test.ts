import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Peers from "../demo/Peers.ts"
import * as Child from "../support/Child.ts"

describe("the peers of the demo", () => {
  it.live(
    "connect through one address, receive a broadcast, and leave when their input ends",
    () =>
      Effect.gen(function* () {
        const a = yield* Peers.start("a", [])
        const [b, c] = yield* Effect.all([Peers.start("b", [a.address]), Peers.start("c", [a.address])])
        yield* Peers.lists(a, [b, c])
        yield* Peers.lists(b, [a, c])
        yield* Peers.lists(c, [a, b])

        const { failed, to } = yield* Peers.command(a, { _tag: "Broadcast", text: "Hello, world!" })
        assert.deepStrictEqual([...to].sort(), ["b", "c"])
        assert.deepStrictEqual(failed, [])
        yield* Peers.hears(b, "a", "Hello, world!")
        yield* Peers.hears(c, "a", "Hello, world!")

        yield* b.hangUp
        assert.strictEqual(yield* b.ended, 0)
        yield* Peers.awaitEvent(a, "Left", "b")
        yield* Peers.awaitEvent(c, "Left", "b")
        yield* Peers.lists(a, [c], { from: 1 })
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    60_000,
  )
})
