import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../../../core/test/cluster/world.ts"
import { claim } from "../../../src/internal/server/servedNames.ts"

World.simulated("a node serves a name once, and again after the scope has closed", (world) =>
  Effect.gen(function* () {
    const { cluster } = yield* world.node("a")
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* claim(cluster, "work")
        const error = yield* Effect.flip(claim(cluster, "work"))
        assert.strictEqual(error.option, "service")
        assert.include(error.message, `serves "work" already`)
        yield* claim(cluster, "other")
      }),
    )
    yield* claim(cluster, "work")
  }),
)

World.simulated("two nodes of one process serve the same name", (world) =>
  Effect.gen(function* () {
    yield* claim((yield* world.node("a")).cluster, "work")
    yield* claim((yield* world.node("b")).cluster, "work")
  }),
)
