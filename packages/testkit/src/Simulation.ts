/**
 * A deterministic world for programs that talk over a network. A scenario starts nodes, each with the application's own
 * layer, on a simulated network in virtual time; faults come by a plan or are drawn from a seed. The same
 * seed gives the same run, step by step.
 *
 * ```ts
 * const scenario = Simulation.scenario("one lease holder", { faults: FaultPlan.swarm }, (sim) =>
 *   Effect.gen(function* () {
 *     const nodes = yield* sim.nodes(["a", "b", "c"], (name) => App.layer(name))
 *     yield* Invariant.always("at most one holder", () => holders(nodes) <= 1)
 *     yield* Effect.sleep("30 seconds")
 *     yield* sim.converges(() => sameView(nodes), { within: "30 seconds" })
 *   }),
 * )
 * const report = yield* Simulation.run(scenario, { seed: 7 })
 * ```
 *
 * The layer needs nothing but `Transport`; time comes from `Clock`, chance from `Random`, ids from `Entropy`. What does
 * not take them from there is simulated as well: `Date`, `Math.random`, `setTimeout` and their like are
 * replaced while the simulation runs.
 */
import * as Effect from "effect/Effect"
import * as Globals from "./kernel/Globals.ts"
import * as Run from "./run/Run.ts"
import type { Outcome, Report, RunOptions, Scenario } from "./Scenario.ts"
import type { Failure, SimulationError } from "./SimulationError.ts"

export * from "./Scenario.ts"

/** Runs a scenario once, and tells how it went, also if it failed. */
export const outcome = (scenario: Scenario, options: RunOptions): Effect.Effect<Outcome, SimulationError> =>
  // The loop is synchronous. It begins in a turn of its own, so that no promise callback of others is due in it.
  Effect.callback<Outcome, SimulationError>((resume) => {
    Globals.hop(() => resume(Run.run(scenario, options)))
  })

/** Runs a scenario once. */
export const run = (scenario: Scenario, options: RunOptions): Effect.Effect<Report, Failure | SimulationError> =>
  Effect.flatMap(outcome(scenario, options), ({ failure, report }) =>
    failure === undefined ? Effect.succeed(report) : Effect.fail(failure),
  )
