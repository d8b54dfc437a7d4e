/**
 * Invariants of a scenario. An invariant is a plain function that reads the state of the nodes and changes nothing. It
 * returns `true` if it holds, and otherwise `false` or a text that describes the violation.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Predicate } from "./run/Checks.ts"
import { durationOf } from "./run/validateOptions.ts"
import { Simulation } from "./Scenario.ts"
import type { SimulationError } from "./SimulationError.ts"

/**
 * Checks the invariant after every step of a node and of the scenario, from now on until the scenario ends. A violation
 * fails the run with `InvariantViolated`. A node that is not running has no services. With `nodes`, the check runs only
 * after the steps of these nodes, which is faster in a large simulation.
 *
 * **Gotchas**
 *
 * A text is truthy, so a function that is passed to `every` or `some` must not return one.
 *
 * @category invariants
 * @since 0.1.0
 */
export const always = (
  name: string,
  predicate: Predicate,
  options?: { readonly nodes?: ReadonlyArray<string> | undefined },
): Effect.Effect<void, never, Simulation> =>
  Effect.map(Simulation, ({ checks }) => {
    checks.always({ name, predicate, nodes: options?.nodes === undefined ? undefined : new Set(options.nodes) })
  })

/**
 * Checks that the invariant holds at least once within the virtual time `within`, counted from now. The simulation
 * continues until it holds, or fails with `InvariantViolated` when the time is over. The effect fails with
 * `SimulationError` if `within` is not a duration.
 *
 * @category invariants
 * @since 0.1.0
 */
export const eventually = (
  name: string,
  predicate: Predicate,
  options: { readonly within: Duration.Input },
): Effect.Effect<void, SimulationError, Simulation> =>
  Effect.flatMap(Simulation, ({ checks }) =>
    Effect.flatMap(Effect.fromResult(durationOf("within", options.within)), (within) =>
      checks.eventually(name, predicate, within),
    ),
  )

/**
 * Checks that the predicate holds at some time in at least one run of a swarm. Otherwise the swarm fails with
 * `NeverHappened`. It shows that the scenario reaches the situation that it tests. Without a predicate, the scenario
 * reports the situation with {@link reached}.
 *
 * @category invariants
 * @since 0.1.0
 */
export const sometimes = (name: string, predicate?: Predicate): Effect.Effect<void, never, Simulation> =>
  Effect.map(Simulation, ({ checks }) => {
    checks.sometimes(name, predicate)
  })

/**
 * Reports that the situation of {@link sometimes} with this name has happened.
 *
 * @category invariants
 * @since 0.1.0
 */
export const reached = (name: string): Effect.Effect<void, never, Simulation> =>
  Effect.map(Simulation, ({ checks }) => {
    checks.reached(name)
  })
