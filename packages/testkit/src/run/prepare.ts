/**
 * What is asked for is checked before anything runs: whoever does not use the types may ask for anything.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as FaultPlan from "../FaultPlan.ts"
import * as Generator from "../faults/Generator.ts"
import * as Micros from "../internal/Micros.ts"
import * as Scenario from "../Scenario.ts"
import * as SimulationError from "../SimulationError.ts"

export type Misuse = SimulationError.SimulationError

export const misuse = (reason: Misuse["reason"], message: string): Misuse =>
  new SimulationError.SimulationError({ reason, message })

/** What a run needs to know of its options. */
export interface Prepared {
  readonly explore: Scenario.Explore
  readonly source: Generator.Source
  /** Microseconds. */
  readonly timeLimit: number
}

const seedOf = (seed: number): Result.Result<number, Misuse> =>
  Number.isSafeInteger(seed) && seed >= 0
    ? Result.succeed(seed)
    : Result.fail(misuse("seeds", `${seed} is no seed: give a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`))

/** Plans that were decoded: the same one is run with thousands of seeds. */
const plans = new WeakMap<FaultPlan.Input, Result.Result<FaultPlan.FaultPlan, Misuse>>()

const decoded = (input: FaultPlan.Input): Result.Result<FaultPlan.FaultPlan, Misuse> => {
  // Whoever does not use the types may give anything.
  if (typeof input !== "object" || input === null) return FaultPlan.decode(input)
  const known = plans.get(input)
  if (known !== undefined) return known
  const result = FaultPlan.decode(input)
  plans.set(input, result)
  return result
}

/** The virtual time in which the scenario must be done. */
const limitOf = (scenario: Scenario.Scenario, options: Scenario.RunOptions): Result.Result<number, Misuse> => {
  let limit = Number.POSITIVE_INFINITY
  for (const input of [scenario.options.timeLimit ?? Scenario.defaultTimeLimit, options.timeLimit ?? "Infinity"]) {
    const duration = Duration.fromInput(input)
    if (Option.isNone(duration)) {
      return Result.fail(misuse("options", `timeLimit: ${String(input)} is no duration: write "10 minutes"`))
    }
    limit = Math.min(limit, Micros.fromDuration(duration.value))
  }
  return Result.succeed(limit)
}

const exploreOf = (explore: Scenario.Explore): Result.Result<Scenario.Explore, Misuse> =>
  ["fifo", "random", "preempt"].includes(explore)
    ? Result.succeed(explore)
    : Result.fail(misuse("options", `explore: "${String(explore)}" is no order: give "fifo", "random" or "preempt"`))

const sourceOf = (
  scenario: Scenario.Scenario,
  options: Scenario.RunOptions,
): Result.Result<Generator.Source, Misuse> => {
  if (options.replay !== undefined) {
    const { network, timeline } = options.replay
    return Result.succeed(Generator.scripted({ network, timeline }))
  }
  return Result.map(decoded(scenario.options.faults ?? FaultPlan.none), (plan) =>
    "swarm" in plan ? Generator.swarming(plan, options.seed) : Generator.scripted(plan),
  )
}

/** Checks the options, and makes of them what the run needs. */
export const prepare = (scenario: Scenario.Scenario, options: Scenario.RunOptions): Result.Result<Prepared, Misuse> =>
  Result.all({
    seed: seedOf(options.seed),
    explore: exploreOf(options.explore ?? Scenario.exploreOf(scenario, options.seed)),
    source: sourceOf(scenario, options),
    timeLimit: limitOf(scenario, options),
  })
