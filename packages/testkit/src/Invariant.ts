/**
 * What must hold in a scenario. Invariants are plain functions that look at the nodes and change nothing; one that
 * does not hold answers `false`, or a text that says what is wrong.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Predicate } from "./run/Checks.ts"
import { Simulation } from "./Scenario.ts"

/**
 * Must hold after every step of a node and of the scenario, from now on until the scenario is done. A node that is not running
 * has no services. With `nodes`, it must hold after every step of these nodes, which is faster in a large simulation.
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
 * Must have held once, within the virtual time from now on. The simulation goes on until it has, or the time is over.
 *
 * @category invariants
 * @since 0.1.0
 */
export const eventually = (
  name: string,
  predicate: Predicate,
  options: { readonly within: Duration.Input },
): Effect.Effect<void, never, Simulation> =>
  Effect.flatMap(Simulation, ({ checks }) =>
    checks.eventually(name, predicate, Duration.fromInputUnsafe(options.within)),
  )

/**
 * Must hold at some time in some run of a swarm, or the swarm fails with `NeverHappened`: it shows that the scenario gets to
 * where the bugs are. Without a predicate, {@link reached} says that it happened.
 *
 * @category invariants
 * @since 0.1.0
 */
export const sometimes = (name: string, predicate?: Predicate): Effect.Effect<void, never, Simulation> =>
  Effect.map(Simulation, ({ checks }) => {
    checks.sometimes(name, predicate)
  })

/**
 * What was to happen {@link sometimes} has happened.
 *
 * @category invariants
 * @since 0.1.0
 */
export const reached = (name: string): Effect.Effect<void, never, Simulation> =>
  Effect.map(Simulation, ({ checks }) => {
    checks.reached(name)
  })
