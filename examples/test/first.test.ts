import { FaultPlan } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { Effect, Schedule } from "effect"
import * as Echo from "../simulation/Echo.ts"

it.sim("questions are answered once all faults have ended", { seeds: 100, faults: FaultPlan.swarm }, (sim) =>
  Effect.gen(function* () {
    const { a, b } = yield* sim.nodes(["a", "b"], () => Echo.layer)
    let answers = 0
    const ask = a.run(Effect.flatMap(Echo.Echo, (echo) => echo.ask(b.address, "hello")))
    const count = Effect.map(Effect.timeout(ask, "5 seconds"), () => answers++)
    yield* Effect.forkScoped(Effect.repeat(Effect.ignore(count), Schedule.spaced("1 second")))
    yield* Effect.sleep("30 seconds")
    const before = answers
    yield* sim.converges(() => answers > before)
  }),
)
