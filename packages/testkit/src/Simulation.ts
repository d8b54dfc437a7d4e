/**
 * Deterministic simulation of programs that communicate over a network. A scenario starts nodes, each with the layer of
 * the application, on a simulated network in virtual time. Faults come from a plan or are drawn from a seed. The same
 * seed gives the same run, step by step.
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { FaultPlan, Simulation } from "@coterie/testkit"
 * import { Effect } from "effect"
 *
 * const scenario = Simulation.scenario("nodes meet", { faults: FaultPlan.swarm }, (sim) =>
 *   Effect.gen(function* () {
 *     const names = ["a", "b", "c"] as const
 *     const nodes = yield* sim.nodes(names, (name) => Cluster.layer({ cluster: "test", name, seeds: ["a"] }))
 *     const peers = (name: "a" | "b" | "c") => nodes[name].service(Cluster.Cluster)?.viewUnsafe().peers.size
 *     yield* Effect.sleep("30 seconds") // Faults occur until `converges` ends them.
 *     yield* sim.converges(() => names.every((name) => peers(name) === 2), { within: "2 minutes" })
 *   }),
 * )
 *
 * const report = Simulation.run(scenario, { seed: 7 })
 * ```
 *
 * The simulation provides the `Transport` of the layer, and time by `Clock`, random numbers by `Random` and ids by
 * `Entropy`. It also replaces `Date`, `Math.random`, `setTimeout` and similar globals while it runs. It does not
 * replace references to them that a program took before the run, nor modules such as `node:timers`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as EventLoop from "./kernel/eventLoop.ts"
import * as Globals from "./kernel/Globals.ts"
import * as Run from "./run/Run.ts"
import type { Outcome, Report, RunOptions, Scenario } from "./Scenario.ts"
import { type Failure, SimulationError } from "./SimulationError.ts"

export * from "./Scenario.ts"

/**
 * Runs a scenario once. Returns the report, with the failure if the run failed. Fails with `SimulationError` if an
 * option cannot be used, or if it is called inside a simulation.
 *
 * **When to use**
 *
 * Use it to examine the report or the trace of a run that may fail. Use {@link run} if a failure is an error.
 *
 * @category running
 * @since 0.1.0
 */
export const outcome = (scenario: Scenario, options: RunOptions): Effect.Effect<Outcome, SimulationError> =>
  Effect.callback<Outcome, SimulationError>((resume) => {
    if (Globals.areReplaced()) {
      const message =
        `"${scenario.name}" cannot run inside another simulation, where real time does not pass. ` +
        "Run the scenarios one after the other, or start the nodes of both in one scenario."
      return resume(Effect.fail(new SimulationError({ reason: "options", message })))
    }
    let wanted = true
    // The loop is synchronous. It begins in a turn of its own, so that no promise callback of other code is due during
    // it.
    EventLoop.inNextTurn(() => {
      if (wanted) resume(attempt(() => Run.run(scenario, options)))
    })
    return Effect.sync(() => {
      wanted = false
    })
  })

/**
 * Turns an exception into a defect of the returned effect. Such an exception is a fault of the testkit or of an option.
 */
const attempt = (run: () => Effect.Effect<Outcome, SimulationError>): Effect.Effect<Outcome, SimulationError> => {
  try {
    return run()
  } catch (cause) {
    return Effect.die(cause)
  }
}

/**
 * Runs a scenario once and returns its report. Fails with the `Failure` of the run, or with `SimulationError` if an
 * option cannot be used.
 *
 * **Example** (Run one seed of a scenario)
 *
 * ```ts
 * import { Simulation } from "@coterie/testkit"
 * import { Effect } from "effect"
 *
 * const scenario = Simulation.scenario("time passes", (sim) =>
 *   Effect.gen(function* () {
 *     yield* Effect.sleep("1 minute")
 *     yield* sim.note("a minute of virtual time")
 *   }),
 * )
 *
 * const program = Effect.gen(function* () {
 *   const report = yield* Simulation.run(scenario, { seed: 7 })
 *   yield* Effect.log(`${report.steps} steps`)
 * })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = (scenario: Scenario, options: RunOptions): Effect.Effect<Report, Failure | SimulationError> =>
  Effect.flatMap(outcome(scenario, options), ({ failure, report }) =>
    failure === undefined ? Effect.succeed(report) : Effect.fail(failure),
  )
