import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "./world.ts"

World.simulated("the synchronous view is the current view", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const alone = a.cluster.viewUnsafe()
    assert.strictEqual(alone.peers.size, 0)
    yield* node("b", { seeds: [a.address] })
    yield* World.until(a, ({ peers }) => peers.get("b")?.link === "up")
    assert.strictEqual(a.cluster.viewUnsafe(), yield* a.cluster.view)
    assert.isTrue(a.cluster.viewUnsafe().peers.has("b"))
    assert.strictEqual(alone.peers.size, 0)
  }),
)
