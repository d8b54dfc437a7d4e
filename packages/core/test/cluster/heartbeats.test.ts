/**
 * Nodes with different failure detectors in one cluster.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "./world.ts"

/** Bytes of a Ping or a Pong with their header. */
const heartbeatBytes = 19

// The order of the names matters for connections, so both orders are tested.
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

World.simulated(
  "an idle link carries one Ping and one Pong in a heartbeat, although the network delays them unevenly",
  ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a", {}, FailureDetector.layerLan)
      const b = yield* node("b", { seeds: [a.address] }, FailureDetector.layerLan)
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      yield* Effect.sleep("10 seconds")
      const sent = () => Effect.all([network.bytes("a", "b"), network.bytes("b", "a")])
      const before = yield* sent()
      yield* Effect.sleep("100 seconds")
      const frames = (yield* sent()).map((bytes, i) => (bytes - (before[i] ?? 0)) / heartbeatBytes)
      // The last one may still be in transit.
      for (const count of frames) assert.isTrue(count === 99 || count === 100, `${count} frames`)
    }),
  { latency: { min: "1 millis", max: "100 millis" } },
)
