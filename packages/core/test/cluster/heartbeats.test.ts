/**
 * Nodes with different failure detectors in one cluster.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "./world.ts"

// Names order connections, so both orders are tried.
for (const [slow, quick] of [
  ["a", "b"],
  ["b", "a"],
] as const) {
  World.simulated(
    `the link of ${slow}, which sends heartbeats slower than the link timeout of ${quick}, stays up`,
    ({ node }) =>
      Effect.gen(function* () {
        const first = yield* node(slow, {}, FailureDetector.layerLan)
        const second = yield* node(quick, { seeds: [first.address] }, FailureDetector.layerLocal)
        yield* World.untilPeers(first, [quick])
        yield* World.untilPeers(second, [slow])
        const seen = [yield* World.collect(first), yield* World.collect(second)]
        yield* Effect.sleep("20 seconds")
        assert.deepStrictEqual(
          seen.flat().filter(({ _tag }) => _tag !== "Snapshot"),
          [],
        )
      }),
  )
}
