import { Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Peers from "../demo/Peers.ts"
import * as Child from "../support/Child.ts"

const secret = "the secret of the peers of a test"

describe("the peers of the demo", () => {
  it.live(
    "admit no peer without their secret, connect through one address, receive a broadcast, and leave at the end of the input",
    () =>
      Effect.gen(function* () {
        const start = (name: string, seeds: ReadonlyArray<string>) => Peers.start(name, seeds, secret)
        const a = yield* Peers.start("a", [], secret, { dashboard: true })
        // A peer with another secret, and a peer without one.
        const eve = yield* Peers.start("eve", [a.address], "another secret of a peer of a test")
        yield* Peers.awaitRefusal(eve, a, "unauthenticated")
        const tcp = yield* Peers.start("tcp", [a.address])
        yield* Peers.awaitRefusal(tcp, a)
        assert.deepStrictEqual(a.since(0, Peers.report("Event")), [])

        const [b, c] = yield* Effect.all([start("b", [a.address]), start("c", [a.address])])
        yield* Peers.lists(a, [b, c])
        yield* Peers.lists(b, [a, c])
        yield* Peers.lists(c, [a, b])

        const { failed, to } = yield* Peers.command(a, { _tag: "Broadcast", text: "Hello, world!" })
        assert.deepStrictEqual([...to].sort(), ["b", "c"])
        assert.deepStrictEqual(failed, [])
        yield* Peers.hears(b, "a", "Hello, world!")
        yield* Peers.hears(c, "a", "Hello, world!")

        // The peers share out jobs, and the dashboard shows them.
        const url = yield* Peers.dashboardOf(a)
        const state = yield* Effect.promise(async () => (await fetch(new URL("/v1/state?kind=placement", url))).json())
        const { components } = yield* Schema.decodeUnknownEffect(Report.StateReport)(state)
        assert.deepStrictEqual(
          components.map(({ name, rows }) => [name, rows.length]),
          [["workers", 8]],
        )

        yield* b.hangUp
        assert.strictEqual(yield* b.ended, 0)
        yield* Peers.awaitEvent(a, "Left", "b")
        yield* Peers.awaitEvent(c, "Left", "b")
        yield* Peers.lists(a, [c], { from: 1 })
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    120_000,
  )
})
