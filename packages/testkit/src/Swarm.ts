/**
 * A scenario over many seeds: what was found, and whether the swarm got to where it was meant to get.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Artifact from "./Artifact.ts"
import * as Difference from "./Difference.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as Hash from "./kernel/Hash.ts"
import * as Scenarios from "./Scenario.ts"
import type { Explore, Outcome, Report, Scenario } from "./Scenario.ts"
import * as Shrink from "./Shrink.ts"
import * as Simulation from "./Simulation.ts"
import * as SimulationError from "./SimulationError.ts"
import type { Trace } from "./Trace.ts"
import { version } from "./version.ts"

/** A failure that was found: what it takes to see it again, and what it looks like. */
export interface Found {
  readonly failure: SimulationError.Failure
  readonly artifact: Artifact.Artifact
  /** The trace of the shrunk run, or of the run itself if it was not shrunk. */
  readonly trace: Trace
}

/** How one seed went. */
export interface SeedResult extends Pick<
  Report,
  "seed" | "explore" | "traceHash" | "steps" | "virtualSeconds" | "faultsFired" | "marks"
> {
  readonly found: Found | undefined
}

export interface SeedOptions {
  readonly explore?: Explore | undefined
  /** Whether a failure is shrunk. Default: `true`. */
  readonly shrink?: boolean | undefined
}

/** The order in which a seed of a swarm runs what is ready. */
export const exploreOf = (scenario: Scenario, seed: number, options: SeedOptions = {}): Explore =>
  options.explore ?? Scenarios.exploreOf(scenario, seed)

/** A run that does not fail is given up some time after the failure that is looked for. */
const giveUpAfter = (failure: SimulationError.Failure): Duration.Input => `${2 * failure.at + 10_000_000} micros`

/** Whether two failures are of the same check, which is what shrinking keeps. */
export const sameCheck = (a: SimulationError.Failure, b: SimulationError.Failure | undefined): boolean =>
  b !== undefined &&
  a._tag === b._tag &&
  (!("invariant" in a) || !("invariant" in b) || a.invariant === b.invariant) &&
  (a._tag !== "NodeDied" || b._tag !== "NodeDied" || String(a.cause) === String(b.cause))

/** Runs one seed; a failure is run again to see that it is the same, shrunk, and traced. */
export const runSeed = (
  scenario: Scenario,
  seed: number,
  options: SeedOptions = {},
): Effect.Effect<SeedResult, SimulationError.SimulationError> =>
  Effect.gen(function* () {
    const explore = exploreOf(scenario, seed, options)
    const first = yield* Simulation.outcome(scenario, { seed, explore, stacks: false })
    const { report } = first
    return {
      seed,
      explore,
      traceHash: report.traceHash,
      steps: report.steps,
      virtualSeconds: report.virtualSeconds,
      faultsFired: report.faultsFired,
      marks: report.marks,
      found: first.failure === undefined ? undefined : yield* examine(scenario, first.failure, report, options),
    }
  })

/** Looks into a failure. */
const examine = (
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
      return found(scenario, Difference.nonDeterministic(seed, traced.report, again.report), again)
    }
    if (options.shrink === false) return found(scenario, failure, traced)
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
          // Without what was left out the scenario may not even make sense: it names a node that was never started.
          onFailure: () => undefined,
        }),
    })
    const last = yield* replay(shrunk.attempt, true)
    // The failure as it is told by the shrunk run: its times are those of the picture.
    return found(scenario, last.failure ?? failure, last, shrunk)
  })

/** Tells whether the options of a scenario have changed. Its body may be transformed in many ways, so it is not in it. */
export const fingerprint = ({ name, options }: Scenario): string => {
  const hash = Hash.make()
  hash.text(name)
  hash.text(
    JSON.stringify(options, (_, value: unknown) =>
      typeof value === "function" ? undefined : typeof value === "bigint" ? String(value) : value,
    ),
  )
  return hash.digest()
}

const found = (
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

/** What a swarm came to, over all its seeds. */
export interface Summary {
  /** How many seeds were run. */
  readonly seeds: number
  readonly failures: ReadonlyArray<Found>
  /** What was configured, or was to happen sometimes, and never did. */
  readonly never: ReadonlyArray<SimulationError.NeverHappened>
  readonly virtualSeconds: number
  readonly steps: number
  /** Folds the hashes of all seeds in their order. */
  readonly traceHash: string
  readonly faultsFired: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, boolean>>
}

/** From so many seeds on, a kind of fault that is configured must have come. With fewer it may be bad luck. */
export const coverageSeeds = 100

/** Adds up the results of seeds, in the order in which they are given. */
export interface Tally {
  readonly add: (result: SeedResult) => void
  readonly summary: () => Summary
}

/** A tally for one scenario. */
export const tally = (scenario: Scenario): Tally => {
  const hash = Hash.make()
  const failures: Array<Found> = []
  const faultsFired = new Map<string, number>()
  const marks = new Map<string, boolean>()
  let seeds = 0
  let virtualSeconds = 0
  let steps = 0

  const never = (): ReadonlyArray<SimulationError.NeverHappened> => {
    const missed = [...marks].flatMap(([name, happened]) =>
      happened
        ? []
        : [
            new SimulationError.NeverHappened({
              what: name,
              message:
                `"${name}" never happened in ${seeds} seeds of "${scenario.name}": the scenario does not get there. ` +
                "Run more seeds, make it likelier, or remove the goal.",
            }),
          ],
    )
    if (seeds < coverageSeeds) return missed
    const idle = FaultPlan.kinds(scenario.options.faults).filter((kind) => !faultsFired.has(kind))
    if (idle.length === 0) return missed
    const kinds = idle.length === 1 ? `the fault ${idle.join("")} is` : `the faults ${idle.join(", ")} are`
    return [
      ...missed,
      new SimulationError.NeverHappened({
        what: idle.join(", "),
        message:
          `${kinds} configured and never came in ${seeds} seeds of "${scenario.name}", which ended after ` +
          `${(virtualSeconds / seeds).toFixed(1)} s of virtual time on average: let it run longer, raise the rate, or take it out of the plan.`,
      }),
    ]
  }

  return {
    add: (result) => {
      seeds++
      virtualSeconds += result.virtualSeconds
      steps += result.steps
      hash.text(result.traceHash)
      for (const [kind, count] of Object.entries(result.faultsFired)) {
        faultsFired.set(kind, (faultsFired.get(kind) ?? 0) + count)
      }
      for (const [name, happened] of Object.entries(result.marks)) {
        marks.set(name, happened || (marks.get(name) ?? false))
      }
      if (result.found !== undefined) failures.push(result.found)
    },
    summary: () => ({
      seeds,
      failures,
      never: never(),
      virtualSeconds,
      steps,
      traceHash: hash.digest(),
      faultsFired: Object.fromEntries([...faultsFired].sort(([a], [b]) => (a < b ? -1 : 1))),
      marks: Object.fromEntries(marks),
    }),
  }
}

export interface Options extends SeedOptions {
  /** Ends with the failure of so many seeds. Default: all seeds are run. */
  readonly stopAfter?: number | undefined
  /** Told after each seed. */
  readonly onResult?: ((result: SeedResult) => void) | undefined
}

/** Runs a scenario over seeds, one after the other. */
export const run = (
  scenario: Scenario,
  seeds: Iterable<number>,
  options: Options = {},
): Effect.Effect<Summary, SimulationError.SimulationError> =>
  Effect.gen(function* () {
    const sum = tally(scenario)
    let failures = 0
    for (const seed of seeds) {
      const result = yield* runSeed(scenario, seed, options)
      sum.add(result)
      options.onResult?.(result)
      if (result.found !== undefined && ++failures === options.stopAfter) break
    }
    return sum.summary()
  })
