import { Cluster } from "@coterie/core"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Requests from "../../recipes/requests.ts"

it.sim("a request to a lost peer reports whether the peer may have served it", (sim) =>
  Effect.gen(function* () {
    const { a, b } = yield* sim.nodes(["a", "b"], (name) =>
      Layer.provideMerge(Cluster.layerStart, Requests.layer(1)).pipe(
        Layer.provide(Cluster.layer({ cluster: "stock", name, seeds: ["a", "b"], start: "manual" })),
      ),
    )
    assert.strictEqual(yield* a.run(Requests.reserve("b")), 1)
    assert.include(yield* Effect.flip(a.run(Requests.reserve("b"))), { _tag: "SoldOut" })
    yield* b.powerOff
    assert.include(yield* Effect.flip(a.run(Requests.reserve("b"))), { _tag: "NoAnswer", maybeReserved: true })
  }),
)
