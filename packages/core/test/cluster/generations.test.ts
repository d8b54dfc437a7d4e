/** Lives of one name, distinguished by their generation. */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** The policies of these tests with a stopped wall clock. */
const frozenClock = Layer.merge(
  FailureDetector.layerLocal,
  Layer.effect(
    Clock.Clock,
    Effect.map(Clock.Clock, (clock) => ({
      ...clock,
      sleep: (duration: Duration.Duration) => clock.sleep(duration),
      currentTimeMillisUnsafe: () => 1_000_000,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    })),
  ),
)

describe("a generation", () => {
  World.simulated("of a node that left and restarted within one millisecond is newer than the one before", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address] }, frozenClock)
      yield* World.untilPeers(a, ["b"])
      yield* b.stop
      yield* World.until(a, ({ peers }) => peers.size === 0)
      const again = yield* node("b", { seeds: [a.address] }, frozenClock)
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(again, ["a"])
    }),
  )

  RawPeer.scenario(
    "with the greatest number is denied, and the next generation of the name is accepted",
    ({ connect }) =>
      Effect.gen(function* () {
        const greatest = RawPeer.record({ generation: Number.MAX_SAFE_INTEGER })
        const first = yield* connect
        yield* first.send(RawPeer.hello({ record: greatest }))
        assert.strictEqual(RawPeer.rejectCodeOf(yield* first.receive), "denied")
        const second = yield* connect
        yield* second.completeHandshake()
        yield* second.leave()
      }),
  )
})
