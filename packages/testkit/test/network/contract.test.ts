import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import { ClockTimeline } from "../../src/internal/ClockTimeline.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import type { Process } from "../../src/network/Environment.ts"
import { allConditions, contractHarness } from "./contractHarness.ts"

/** Process that runs each task in a separate turn, as the kernel does. */
const process: Process = { enqueue: (task) => void Effect.runFork(Effect.andThen(Effect.yieldNow, Effect.sync(task))) }

const harness = (seed: number, conditions: FaultPlan.Network) =>
  Effect.gen(function* () {
    const timeline = new ClockTimeline(yield* Clock.Clock, yield* Effect.context<never>())
    const made = yield* contractHarness({ timeline, draws: Draws.seeded(seed), process: () => process }, conditions)
    // The contract waits and never adjusts the clock, so this fiber advances the time.
    yield* Effect.forkScoped(Effect.forever(TestClock.adjust("100 millis")))
    return made
  })

TransportContract.suite({ name: "A benign network", live: false, harness: harness(1, {}) })
TransportContract.suite({ name: "A network under all conditions", live: false, harness: harness(2, allConditions) })
