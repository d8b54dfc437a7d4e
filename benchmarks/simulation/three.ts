/** Three real nodes for ten virtual seconds under all faults, with an invariant that checks every event. */
import * as Effect from "effect/Effect"
import * as Member from "../../packages/core/test/simulation/Member.ts"
import { ClusterRecorder } from "../../packages/core/test/simulation/ClusterRecorder.ts"
import { everything } from "../../packages/core/test/simulation/scenarios.ts"
import * as Invariant from "../../packages/testkit/src/Invariant.ts"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"

export const three = Simulation.scenario("three nodes for ten seconds", { faults: everything }, (sim) =>
  Effect.gen(function* () {
    const recorder = new ClusterRecorder()
    yield* Invariant.always("one story", () => recorder.wrong[0] ?? true)
    yield* sim.nodes(["n1", "n2", "n3"], (name) => Member.layer(name, { recorder, seeds: ["n1", "n2"] }))
    yield* Effect.sleep("10 seconds")
  }),
)
