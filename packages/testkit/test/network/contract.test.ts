import * as Transport from "@coterie/core/Transport"
import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as Timeline from "../../src/internal/timeline.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Engine from "../../src/network/Engine.ts"
import type { Process } from "../../src/network/World.ts"
import { ms } from "./world.ts"

/** Each task in a turn of its own, as the kernel has it. */
const process: Process = { enqueue: (task) => void Effect.runFork(Effect.andThen(Effect.yieldNow, Effect.sync(task))) }

const world = (seed: number, conditions: FaultPlan.Network) =>
  Effect.gen(function* () {
    const engine = Engine.make(
      {
        timeline: Timeline.make(yield* Clock.Clock, yield* Effect.context<never>()),
        draws: Draws.seeded(seed),
        process: () => process,
      },
      // A slow network needs longer for what was written last.
      { conditions, sendBuffer: 4 * 1024 * 1024, linger: "10 minutes", userTimeout: "10 minutes" },
    )
    yield* Effect.addFinalizer(() => Effect.sync(engine.close))
    // The contract waits and never adjusts the clock, so time passes by itself.
    yield* Effect.forkScoped(Effect.forever(TestClock.adjust("100 millis")))
    return {
      transport: (port: number) => engine.transport("a", port),
      stranger: Effect.gen(function* () {
        const node = Context.get(yield* Layer.build(engine.transport("stranger")), Transport.Transport)
        const { address } = yield* Effect.orDie(node.listen)
        return { address, reset: Effect.sync(() => engine.crash("stranger")) }
      }),
      open: Effect.sync(() => {
        const { connections, listeners } = engine.inspect()
        return connections.length + listeners.length
      }),
    }
  })

TransportContract.suite({ name: "A benign network", live: false, world: world(1, {}) })
TransportContract.suite({
  name: "A network under all conditions",
  live: false,
  world: world(2, {
    delay: { tail: { chance: 0.05, is: 500 * ms, otherwise: { exponential: { min: ms, mean: 5 * ms } } } },
    distance: { uniform: [0, 20 * ms] },
    loss: { uniform: [0.01, 0.1] },
    bandwidth: { logUniform: [2_000_000, 100_000_000] },
    queue: { uniform: [500_000, 2_000_000] },
    split: 0.3,
    sendBuffer: { logUniform: [1_000_000, 4_000_000] },
  }),
})
