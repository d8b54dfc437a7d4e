/**
 * A deterministic world for programs that talk over a network. A scenario starts nodes, each with the application's own
 * layer, on a simulated network in virtual time; faults come by a plan or are drawn from a seed. The same
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
 *     yield* sim.converges(() => names.every((name) => peers(name) === 2), { within: "2 minutes" })
 *   }),
 * )
 *
 * const report = Simulation.run(scenario, { seed: 7 })
 * ```
 *
 * The layer needs nothing but `Transport`; time comes from `Clock`, chance from `Random`, ids from `Entropy`. What does
 * not take them from there is simulated as well: `Date`, `Math.random`, `setTimeout` and their like are
 * replaced while the simulation runs. What took them for itself before it began, or takes them from a module such as
 * `node:timers`, is not.
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
 * Runs a scenario once, and tells how it went, also if it failed. Not from inside of a scenario.
 *
 * @category running
 * @since 0.1.0
 */
export const outcome = (scenario: Scenario, options: RunOptions): Effect.Effect<Outcome, SimulationError> =>
  Effect.callback<Outcome, SimulationError>((resume) => {
    if (Globals.areReplaced()) {
      const message =
        `"${scenario.name}" cannot be run inside of another simulation: what is real stands still in there. ` +
        "Run one after the other, or start its nodes in the one scenario."
      return resume(Effect.fail(new SimulationError({ reason: "options", message })))
    }
    let wanted = true
    // The loop is synchronous. It begins in a turn of its own, so that no promise callback of others is due in it.
    EventLoop.inNextTurn(() => {
      if (wanted) resume(attempt(() => Run.run(scenario, options)))
    })
    return Effect.sync(() => {
      wanted = false
    })
  })

/** What throws here is a mistake of the testkit, or in a function of the options. Whoever waits must hear of it. */
const attempt = (run: () => Effect.Effect<Outcome, SimulationError>): Effect.Effect<Outcome, SimulationError> => {
  try {
    return run()
  } catch (cause) {
    return Effect.die(cause)
  }
}

/**
 * Runs a scenario once. Fails with the `Failure` that the run found, and with `SimulationError` if an option cannot be used.
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
