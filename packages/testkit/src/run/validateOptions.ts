/** Validation of the options of a run before it begins, because callers without types may pass any value. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as FaultPlan from "../FaultPlan.ts"
import * as FaultSource from "../faults/FaultSource.ts"
import * as Microseconds from "../internal/Microseconds.ts"
import * as Scenario from "../Scenario.ts"
import * as SimulationError from "../SimulationError.ts"

export type UsageError = SimulationError.SimulationError

export const usageError = (reason: UsageError["reason"], message: string): UsageError =>
  new SimulationError.SimulationError({ reason, message })

/** Options in the form that a run needs. */
export interface ValidOptions {
  readonly explore: Scenario.Explore
  readonly source: FaultSource.FaultSource
  /** Virtual time limit in microseconds. */
  readonly timeLimit: number
}

/** Decodes a duration of an option or an argument with this name. */
export const durationOf = (name: string, input: Duration.Input): Result.Result<Duration.Duration, UsageError> =>
  Result.fromOption(Duration.fromInput(input), () =>
    usageError("options", `${name}: ${String(input)} is not a duration: write one such as "10 minutes"`),
  )

/** Decodes a duration to whole microseconds. The duration must be finite, and the result must be exact. */
export const finiteMicrosOf = (name: string, input: Duration.Input): Result.Result<number, UsageError> =>
  durationOf(name, input).pipe(
    Result.map(Microseconds.fromDuration),
    Result.filterOrFail(Number.isSafeInteger, () =>
      usageError("options", `${name}: ${String(input)} is not a finite duration: write one such as "10 minutes"`),
    ),
  )

const seedOf = (seed: number): Result.Result<number, UsageError> =>
  Number.isSafeInteger(seed) && seed >= 0
    ? Result.succeed(seed)
    : Result.fail(
        usageError("seeds", `${seed} is not a seed: give a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`),
      )

/** Cache of decoded plans, because one plan runs with thousands of seeds. */
const plans = new WeakMap<FaultPlan.Input, Result.Result<FaultPlan.FaultPlan, UsageError>>()

const decoded = (input: FaultPlan.Input): Result.Result<FaultPlan.FaultPlan, UsageError> => {
  // A caller without types may pass any value.
  if (typeof input !== "object" || input === null) return FaultPlan.decode(input)
  const known = plans.get(input)
  if (known !== undefined) return known
  const result = FaultPlan.decode(input)
  plans.set(input, result)
  return result
}

/** Returns the virtual time in which the scenario must end. */
const limitOf = (scenario: Scenario.Scenario, options: Scenario.RunOptions): Result.Result<number, UsageError> => {
  let limit = Number.POSITIVE_INFINITY
  for (const input of [scenario.options.timeLimit ?? Scenario.defaultTimeLimit, options.timeLimit ?? "Infinity"]) {
    const duration = durationOf("timeLimit", input)
    if (Result.isFailure(duration)) return Result.fail(duration.failure)
    limit = Math.min(limit, Microseconds.fromDuration(duration.success))
  }
  return Result.succeed(limit)
}

const exploreOf = (explore: Scenario.Explore): Result.Result<Scenario.Explore, UsageError> =>
  ["fifo", "random", "preempt"].includes(explore)
    ? Result.succeed(explore)
    : Result.fail(
        usageError("options", `explore: "${String(explore)}" is not an order: give "fifo", "random" or "preempt"`),
      )

const sourceOf = (
  scenario: Scenario.Scenario,
  options: Scenario.RunOptions,
): Result.Result<FaultSource.FaultSource, UsageError> => {
  if (options.replay !== undefined) {
    const { network, timeline } = options.replay
    return Result.succeed(FaultSource.planned({ network, timeline }))
  }
  return Result.map(decoded(scenario.options.faults ?? FaultPlan.none), (plan) =>
    "swarm" in plan ? FaultSource.drawn(plan, options.seed) : FaultSource.planned(plan),
  )
}

/** Validates the options and decodes the fault plan. */
export const validateOptions = (
  scenario: Scenario.Scenario,
  options: Scenario.RunOptions,
): Result.Result<ValidOptions, UsageError> =>
  Result.all({
    seed: seedOf(options.seed),
    explore: exploreOf(options.explore ?? Scenario.exploreOf(scenario, options.seed)),
    source: sourceOf(scenario, options),
    timeLimit: limitOf(scenario, options),
  })
