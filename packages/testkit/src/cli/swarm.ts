/**
 * Swarms of scenarios over seeds in several threads. The result does not depend on the number of threads: one thread
 * runs a scenario with one seed, and the results are combined in the order of the seeds.
 */
import * as os from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Artifact from "../Artifact.ts"
import * as Files from "../node/files.ts"
import * as Seeds from "../Seeds.ts"
import { SimulationError } from "../SimulationError.ts"
import type { ScenarioRun, Setup } from "./protocol.ts"
import type { FailureReport, Progress, SwarmReport } from "./report.ts"
import { SeedFeed } from "./SeedFeed.ts"
import { type ScenarioResult, SeedResults, type Totals } from "./SeedResults.ts"
import { IsolatedRuns } from "./IsolatedRuns.ts"
import * as SimulationThread from "./SimulationThread.ts"

export interface Options extends Setup {
  /** Program that the threads run. */
  readonly bin: URL
  /** Consecutive seeds. */
  readonly seeds: Seeds.Seeds
  /** Milliseconds after which no further seed begins. */
  readonly millis: number | undefined
  readonly workers: number | undefined
  readonly stopAfter: number | undefined
  /** Folder for artifacts and pictures. */
  readonly out: string | undefined
  /** Returns the command that replays an artifact. */
  readonly replay: (artifact: string) => string
  /** Returns the command that runs one seed again, or the whole swarm. */
  readonly again: (seed?: number) => string
  /** Completes when the swarm must end with the results so far. */
  readonly interrupt: Effect.Effect<void>
  /** Milliseconds between two reports of the progress. */
  readonly everyMillis: number
  readonly onProgress: (progress: Progress) => void
}

/** Returns the number of threads for all runs. By default one per processor, since more would not be faster. */
export const threads = ({ seeds, workers }: Pick<Options, "seeds" | "workers">, scenarios: number): number =>
  Math.min(workers ?? os.availableParallelism(), Seeds.count(seeds) * scenarios)

/** Makes the result of a run, and writes the files of a failure. */
const resultOf = (run: ScenarioRun, options: Options): Effect.Effect<ScenarioResult, SimulationError> =>
  Effect.gen(function* () {
    const { found, scenario, ...rest } = run
    if (found === undefined) return { result: { ...rest, found }, failure: undefined }
    const artifact = yield* Effect.fromResult(Artifact.decode(found.artifact))
    const files = yield* Effect.try({
      try: () => Files.write({ artifact, trace: found.trace }, { dir: options.out, replay: options.replay }),
      catch: (cause) =>
        new SimulationError({
          reason: "options",
          message: `the files of a failure cannot be written: ${String(cause)}. Choose another folder with --out.`,
        }),
    })
    const { failure, sentences = [] } = artifact
    return {
      // Drops the events, which are in the file now, because there may be many failures.
      result: { ...rest, found: { failure, artifact, trace: { ...found.trace, events: [] } } },
      failure: {
        scenario,
        seed: run.seed,
        explore: run.explore,
        failure: failure._tag,
        message: failure.message,
        sentences,
        ...files,
        replay: options.replay(files.artifact),
      },
    }
  })

/** Reason for the end of a swarm. */
type End = "done" | "full" | "interrupted" | SimulationThread.ThreadDied

/** Lists the failures of the seeds, the goals that were never reached, and the failure of a thread that ended. */
const failuresOf = (totals: Totals, end: End, options: Options): ReadonlyArray<FailureReport> => {
  // A single seed, or a part of the seeds, cannot show that a goal is never reached.
  const missed = end === "done" && totals.seeds > 1 ? totals.never : []
  return [
    ...totals.failures,
    ...missed.map(({ scenario, what }) => ({
      scenario,
      failure: what._tag,
      message: what.message,
      sentences: [],
      replay: options.again(),
    })),
    ...(typeof end === "string" ? [] : [deathOf(end, totals.scenarios.map(({ name }) => name).join(", "), options)]),
  ]
}

/** Makes the failure of a thread that ended. */
const deathOf = (
  { _tag, message, seed }: SimulationThread.ThreadDied,
  scenario: string,
  options: Options,
): FailureReport => ({
  scenario,
  ...(seed === undefined ? {} : { seed }),
  failure: _tag,
  message,
  sentences: [],
  replay: options.again(seed),
})

/** Runner of seeds, one after the other: in one thread, or each run in a thread of its own. */
type Runner = Pick<SimulationThread.SimulationThread, "seed" | "repeat" | "running">

/** Starts the runners of the seeds, and loads the scenarios. */
const openPool = (options: Options) =>
  Effect.gen(function* () {
    if (!options.isolate) {
      const open = (length: number) =>
        Effect.forEach(Array.from({ length }), () => SimulationThread.open(options.bin, options), {
          concurrency: "unbounded",
        })
      // A module has at least one scenario. More threads for a few seeds start once the number of scenarios is known.
      const first = yield* open(threads(options, 1))
      const scenarios = first[0]?.scenarios ?? []
      const more = yield* open(threads(options, scenarios.length) - first.length)
      const pool: ReadonlyArray<Runner> = [...first, ...more].map(({ thread }) => thread)
      return { pool, scenarios }
    }
    const { scenarios } = yield* Effect.scoped(SimulationThread.open(options.bin, options))
    const open = (scenario: string) =>
      Effect.map(SimulationThread.open(options.bin, { ...options, scenario }), ({ thread }) => thread)
    const length = threads(options, scenarios.length)
    const pool: ReadonlyArray<Runner> = Array.from({ length }, () => new IsolatedRuns({ open }))
    return { pool, scenarios }
  })

/** Runs the first seeds of each thread again. Returns a failure for each run that differs from the first run. */
const repeatFirst = (pool: ReadonlyArray<Runner>, options: Options) =>
  Effect.forEach(pool, (runner) => runner.repeat, { concurrency: "unbounded" }).pipe(
    Effect.flatMap((runs) => Effect.forEach(runs.flat(), (run) => resultOf(run, options))),
    Effect.map((results) => results.flatMap(({ failure }) => failure ?? [])),
    Effect.catchTag("ThreadDied", (died) => Effect.succeed([deathOf(died, "all scenarios", options)])),
  )

/** Runs the swarm, and returns its report. */
export const run = (options: Options): Effect.Effect<SwarmReport, SimulationError> =>
  Effect.gen(function* () {
    const { seeds } = options
    const { pool, scenarios } = yield* openPool(options).pipe(
      Effect.catchTag("ThreadDied", ({ message }) => Effect.fail(new SimulationError({ reason: "options", message }))),
    )
    const enough = options.stopAfter ?? Number.POSITIVE_INFINITY
    const results = new SeedResults({ scenarios, from: seeds.from, enough })
    const start = yield* Clock.currentTimeMillis
    const seconds = Effect.map(Clock.currentTimeMillis, (now) => (now - start) / 1000)
    const feed = new SeedFeed({
      seeds,
      scenarios: scenarios.map(({ name }) => name),
      deadline: start + (options.millis ?? Number.POSITIVE_INFINITY),
      results,
      resultOf: (run) => resultOf(run, options),
    })

    yield* Effect.forkScoped(reportProgress(pool, results, seconds, options))
    const end: End = yield* Effect.raceAllFirst([
      Effect.as(feed.run(pool), "done" as const),
      Effect.as(feed.whenFull, "full" as const),
      Effect.as(options.interrupt, "interrupted" as const),
    ]).pipe(Effect.catchTag("ThreadDied", (died) => Effect.succeed(died)))
    results.flush()
    // Several threads may run one seed.
    const unfinished = new Set(end === "interrupted" ? pool.flatMap((thread) => thread.running() ?? []) : [])

    const outlived = end === "done" ? yield* repeatFirst(pool, options) : []
    const totals = results.totals()
    const { never: _, ...counts } = totals
    const wallSeconds = yield* seconds
    return {
      ...counts,
      failures: [...failuresOf(totals, end, options), ...outlived],
      file: Files.shown(options.file),
      workers: pool.length,
      wallSeconds,
      seedsPerSecond: wallSeconds > 0 ? totals.seeds / wallSeconds : 0,
      interrupted: end === "interrupted",
      unfinished: [...unfinished].toSorted((a, b) => a - b),
    }
  }).pipe(Effect.scoped)

/** Reports the progress at regular intervals. */
const reportProgress = (
  pool: ReadonlyArray<Runner>,
  results: SeedResults,
  seconds: Effect.Effect<number>,
  { everyMillis, millis, onProgress, seeds }: Options,
): Effect.Effect<never> => {
  /** Seed that each thread ran at the last report, with the time since which it has run. */
  const last = new Map<Runner, { readonly seed: number | undefined; readonly since: number }>()
  return seconds.pipe(
    Effect.tap((now) =>
      Effect.sync(() => {
        for (const thread of pool) {
          const seed = thread.running()
          if (last.get(thread)?.seed !== seed) last.set(thread, { seed, since: now })
        }
        const running = [...last.values()].flatMap(({ seed, since }) =>
          seed === undefined ? [] : [{ seed, seconds: now - since }],
        )
        onProgress({
          ...results.received(),
          of: millis === undefined ? Seeds.count(seeds) : undefined,
          wallSeconds: now,
          slowest: running.toSorted((a, b) => b.seconds - a.seconds)[0],
        })
      }),
    ),
    Effect.delay(everyMillis),
    Effect.forever,
  )
}
