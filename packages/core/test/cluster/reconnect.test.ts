/**
 * How often those that failed are dialled (docs/protocol.md R10).
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as World from "./world.ts"

World.simulated("a whole cluster makes about one attempt per interval to reach one that failed", ({ node }) =>
  Effect.gen(function* () {
    const policies = Layer.merge(FailureDetector.layerLan, Reconnect.layer(Schedule.spaced("1 second")))
    const names = Array.from({ length: 8 }, (_, i) => `n${i}`)
    const seed = yield* node("n0", {}, policies)
    const others = yield* Effect.forEach(names.slice(1), (name) => node(name, { seeds: [seed.address] }, policies))
    const nodes = [seed, ...others]
    for (const [i, each] of nodes.entries()) {
      yield* World.untilPeers(
        each,
        names.filter((_, other) => other !== i),
      )
    }
    const victim = others[4] ?? assert.fail("there are eight nodes")
    const rest = nodes.filter((each) => each !== victim)
    yield* victim.crash
    for (const each of rest) yield* World.until(each, ({ peers }) => peers.size === 6)
    const attempts = (): number =>
      rest.reduce((sum, { dialed }) => sum + dialed.filter((address) => address === victim.address).length, 0)
    const before = attempts()
    yield* Effect.sleep("10 minutes")
    // Seven nodes with six links each: 7/6 attempts a second, 700 in all. By chance it is never off by a fifth.
    assert.approximately(attempts() - before, 700, 140)
  }),
)
