/**
 * Swarms: runs of one scenario over many seeds, with the failures found and the goals that were never reached.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Artifact from "./Artifact.ts"
import * as Difference from "./Difference.ts"
import { SummaryBuilder } from "./internal/SummaryBuilder.ts"
import type { Found, SeedResult, Summary } from "./internal/swarmResults.ts"
import { Hash } from "./kernel/Hash.ts"
import * as Scenarios from "./Scenario.ts"
import type { Explore, Outcome, Report, Scenario } from "./Scenario.ts"
import * as Shrink from "./Shrink.ts"
import * as Simulation from "./Simulation.ts"
import type * as SimulationError from "./SimulationError.ts"
import { version } from "./version.ts"

export type { Found, SeedResult, Summary } from "./internal/swarmResults.ts"

/**
 * Options of the run of one seed of a swarm.
 *
 * @category options
 * @since 0.1.0
 */
export interface SeedOptions {
  /** Order in which ready tasks run. Defaults to the order of the scenario and the seed. */
  readonly explore?: Explore | undefined
  /** Shrinks a failure. Defaults to `true`. */
  readonly shrink?: boolean | undefined
  /**
   * Runs a failing seed only once: without the second run that checks determinism, and without shrinking. For runs in a
   * process or thread of their own. Defaults to `false`.
   */
  readonly once?: boolean | undefined
}

/**
 * Returns the order in which a seed of a swarm runs ready tasks.
 *
 * @category getters
 * @since 0.1.0
 */
export const exploreOf = (scenario: Scenario, seed: number, options: SeedOptions = {}): Explore =>
  options.explore ?? Scenarios.exploreOf(scenario, seed)

/** Returns the time limit of a replay: twice the time of the failure that it must reproduce, plus 10 seconds. */
const giveUpAfter = (failure: SimulationError.Failure): Duration.Input => `${2 * failure.at + 10_000_000} micros`

/**
 * Returns `true` if two failures come from the same check. Shrinking keeps the check.
 *
 * @category comparing
 * @since 0.1.0
 */
export const sameCheck = (a: SimulationError.Failure, b: SimulationError.Failure | undefined): boolean =>
  b !== undefined &&
  a._tag === b._tag &&
  (!("invariant" in a) || !("invariant" in b) || a.invariant === b.invariant) &&
  (a._tag !== "NodeDied" || b._tag !== "NodeDied" || String(a.cause) === String(b.cause))

/**
 * Runs one seed. A failing seed runs again to check that the failure is deterministic. Then the failure is shrunk, and
 * its trace is recorded.
 *
 * @category running
 * @since 0.1.0
 */
export const runSeed = (
  scenario: Scenario,
  seed: number,
  options: SeedOptions = {},
): Effect.Effect<SeedResult, SimulationError.SimulationError> =>
  Effect.gen(function* () {
    const explore = exploreOf(scenario, seed, options)
    const trace = options.once === true
    const first = yield* Simulation.outcome(scenario, { seed, explore, stacks: false, trace })
    const { report } = first
    return {
      seed,
      explore,
      traceHash: report.traceHash,
      steps: report.steps,
      virtualSeconds: report.virtualSeconds,
      faultsFired: report.faultsFired,
      marks: report.marks,
      found: yield* findingOf(scenario, first, options),
    }
  })

const findingOf = (
  scenario: Scenario,
  outcome: Outcome,
  options: SeedOptions,
): Effect.Effect<Found | undefined, SimulationError.SimulationError> => {
  const { failure, report } = outcome
  if (failure === undefined) return Effect.succeed(undefined)
  return options.once === true
    ? Effect.succeed(foundOf(scenario, failure, outcome))
    : shrinkAndTrace(scenario, failure, report, options)
}

/**
 * Runs a seed again after other seeds. Returns a failure if the run differs from the earlier one, because some state
 * outlives a run.
 *
 * @category running
 * @since 0.1.0
 */
export const repeatSeed = (
  scenario: Scenario,
  { explore, seed, traceHash }: Pick<SeedResult, "explore" | "seed" | "traceHash">,
): Effect.Effect<Found | undefined, SimulationError.SimulationError> =>
  Effect.gen(function* () {
    const once = Simulation.outcome(scenario, { seed, explore, stacks: false, trace: true })
    const { report } = yield* once
    if (report.traceHash === traceHash) return undefined
    const again = yield* once
    return foundOf(scenario, Difference.outlived(seed, report, again.report), again)
  })

/**
 * Returns `true` if a swarm runs its first seed again at its end.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRepeated = ({ options }: Scenario): boolean => options.strict === true

/** Runs a failing seed again with a trace, and shrinks the failure. */
const shrinkAndTrace = (
  scenario: Scenario,
  failure: SimulationError.Failure,
  report: Report,
  options: SeedOptions,
): Effect.Effect<Found, SimulationError.SimulationError> =>
  Effect.gen(function* () {
    const { explore, seed } = report
    const traced = yield* Simulation.outcome(scenario, { seed, explore, trace: true })
    if (traced.report.traceHash !== report.traceHash || !sameCheck(failure, traced.failure)) {
      const again = yield* Simulation.outcome(scenario, { seed, explore, trace: true })
      return foundOf(scenario, Difference.nonDeterministic(seed, traced.report, again.report), again)
    }
    if (options.shrink === false) return foundOf(scenario, failure, traced)
    const replay = (attempt: Shrink.Attempt, trace: boolean): Effect.Effect<Outcome, SimulationError.SimulationError> =>
      Simulation.outcome(scenario, {
        seed,
        explore,
        trace,
        stacks: trace,
        timeLimit: giveUpAfter(failure),
        replay: { network: report.replay.network, ...attempt },
      })
    const shrunk = yield* Shrink.shrink(report.replay, {
      test: (attempt) =>
        Effect.match(replay(attempt, false), {
          onSuccess: (outcome) => (sameCheck(failure, outcome.failure) ? outcome.report.replay : undefined),
          // A shrunk attempt may be invalid, because it names a node that was never started.
          onFailure: () => undefined,
        }),
    })
    const last = yield* replay(shrunk.attempt, true)
    // Takes the failure of the shrunk run, so that its times match the picture.
    return foundOf(scenario, last.failure ?? failure, last, shrunk)
  })

/**
 * Returns a hash of the name and options of a scenario. The body is left out, because tools may transform it.
 *
 * @category getters
 * @since 0.1.0
 */
export const fingerprint = ({ name, options }: Scenario): string => {
  const hash = new Hash()
  hash.text(name)
  hash.text(
    JSON.stringify(options, (_, value: unknown) =>
      typeof value === "function" ? undefined : typeof value === "bigint" ? String(value) : value,
    ),
  )
  return hash.digest()
}

const foundOf = (
  scenario: Scenario,
  failure: SimulationError.Failure,
  outcome: Outcome,
  shrunk?: Shrink.Shrunk,
): Found => {
  const { report } = outcome
  const { trace } = report
  return {
    failure,
    artifact: {
      version: Artifact.version,
      testkit: version,
      scenario: scenario.name,
      fingerprint: fingerprint(scenario),
      seed: report.seed,
      explore: report.explore,
      traceHash: report.traceHash,
      failure,
      network: report.replay.network,
      timeline: report.replay.timeline,
      deviations: report.replay.deviations,
      sentences: shrunk?.sentences ?? Shrink.sentences(report.replay),
      ...(shrunk === undefined ? {} : { shrunk: { from: shrunk.from, runs: shrunk.runs, minimal: shrunk.minimal } }),
    },
    trace: trace ?? { scenario: scenario.name, seed: report.seed, nodes: [], skipped: 0, events: [] },
  }
}

/**
 * Options of a swarm.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends SeedOptions {
  /** Number of failing seeds after which the swarm ends. Defaults to no limit. */
  readonly stopAfter?: number | undefined
  /** Called after each seed. */
  readonly onResult?: ((result: SeedResult) => void) | undefined
}

/**
 * Runs a scenario over seeds, one after the other. If the scenario is `strict`, the first seed runs again after the
 * last one, and the swarm has a failure `NonDeterministic` if the two runs differ.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (
  scenario: Scenario,
  seeds: Iterable<number>,
  options: Options = {},
): Effect.Effect<Summary, SimulationError.SimulationError> =>
  Effect.gen(function* () {
    const summary = new SummaryBuilder(scenario)
    let failures = 0
    let first: SeedResult | undefined
    let last: SeedResult | undefined
    for (const seed of seeds) {
      const result = yield* runSeed(scenario, seed, options)
      first ??= result
      last = result
      summary.add(result)
      options.onResult?.(result)
      if (result.found !== undefined && ++failures === options.stopAfter) return summary.summary()
    }
    if (first === undefined || first === last || !isRepeated(scenario)) return summary.summary()
    const outlived = yield* repeatSeed(scenario, first)
    const found = summary.summary()
    return outlived === undefined ? found : { ...found, failures: [...found.failures, outlived] }
  })
