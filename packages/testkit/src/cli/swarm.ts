/**
 * Runs scenarios over seeds, in several threads. What it comes to does not depend on how many they are: each seed is
 * run as a whole in one of them, and the results are put together in the order of the seeds.
 */
import * as os from "node:os"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Artifact from "../Artifact.ts"
import * as Files from "../node/files.ts"
import * as Seeds from "../Seeds.ts"
import { SimulationError } from "../SimulationError.ts"
import * as Ledger from "./ledger.ts"
import * as Pool from "./pool.ts"
import type { Ran, Setup } from "./protocol.ts"
import type { Failure, Progress, Summary } from "./summary.ts"

export interface Options extends Setup {
  /** The program that the threads run. */
  readonly bin: URL
  /** Consecutive seeds. */
  readonly seeds: Seeds.Seeds
  /** Ends it after so many milliseconds. What runs then is finished. */
  readonly millis: number | undefined
  readonly workers: number | undefined
  readonly stopAfter: number | undefined
  /** The folder for artifacts and pictures. */
  readonly out: string | undefined
  /** The command that replays an artifact. */
  readonly replay: (artifact: string) => string
  /** The command that runs one seed again, or everything. */
  readonly again: (seed?: number) => string
  /** Ends it with what it has come to by then. */
  readonly interrupt: Effect.Effect<void>
  /** How often it tells where it is, and to whom. */
  readonly everyMillis: number
  readonly tell: (progress: Progress) => void
}

/** A thread has so many seeds given out to it: one that it runs, and one to go on with. */
const ahead = 2

/**
 * So many seeds may wait for one that takes long. What waits is small, because the trace of a failure is written into
 * its file at once.
 */
const window = 10_000

/** How many threads: more than the machine can run at once make nothing faster. */
export const threads = ({ seeds, workers }: Pick<Options, "seeds" | "workers">): number =>
  Math.min(workers ?? os.availableParallelism(), Seeds.count(seeds))

/** Writes the files of a failure. */
const examine = (run: Ran, options: Options): Effect.Effect<Ledger.Entry, SimulationError> =>
  Effect.gen(function* () {
    const { found, scenario, ...rest } = run
    if (found === undefined) return { result: { ...rest, found }, failure: undefined }
    const artifact = yield* Effect.fromResult(Artifact.decode(found.artifact))
    const files = yield* Effect.try({
      try: () => Files.write({ artifact, trace: found.trace }, { dir: options.out, replay: options.replay }),
      catch: (cause) =>
        new SimulationError({
          reason: "options",
          message: `the files of a failure cannot be written: ${String(cause)}. Give another folder with --out.`,
        }),
    })
    const { failure, sentences = [] } = artifact
    return {
      // The events are in the file now, and there may be many failures.
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

/** How it came to its end. */
type End = "done" | "full" | "interrupted" | Pool.ThreadDied

/** Runs the swarm, and sums it up. */
export const run = (options: Options): Effect.Effect<Summary, SimulationError> =>
  Effect.gen(function* () {
    const { seeds } = options
    const pool = yield* Effect.forEach(
      Array.from({ length: threads(options) }),
      () => Pool.open(options.bin, options),
      { concurrency: "unbounded" },
    ).pipe(
      Effect.catchTag("ThreadDied", ({ message }) => Effect.fail(new SimulationError({ reason: "options", message }))),
    )
    const scenarios = pool[0]?.scenarios ?? []
    const ledger = Ledger.make(scenarios, seeds.from, options.stopAfter ?? Number.POSITIVE_INFINITY)
    const start = yield* Clock.currentTimeMillis
    const seconds = Effect.map(Clock.currentTimeMillis, (now) => (now - start) / 1000)
    const deadline = start + (options.millis ?? Number.POSITIVE_INFINITY)
    const full = yield* Deferred.make<void>()
    const room = Semaphore.makeUnsafe(window)
    let next = seeds.from

    const feed = (thread: Pool.Thread) =>
      Effect.gen(function* () {
        for (;;) {
          yield* room.take(1)
          if (next > seeds.to || (yield* Clock.currentTimeMillis) >= deadline) return yield* room.release(1)
          const seed = next++
          const runs = yield* thread.seed(seed)
          const entries = yield* Effect.forEach(runs, (run) => examine(run, options))
          yield* room.release(ledger.take(seed, entries))
          if (ledger.full()) yield* Deferred.succeed(full, undefined)
        }
      })
    const feeding = Effect.forEach(
      pool.flatMap((thread) => Array.from({ length: ahead }, () => thread)),
      feed,
      { concurrency: "unbounded", discard: true },
    )

    yield* Effect.forkScoped(watch(pool, ledger, seconds, options))
    const end: End = yield* Effect.raceAllFirst([
      Effect.as(feeding, "done" as const),
      Effect.as(Deferred.await(full), "full" as const),
      Effect.as(options.interrupt, "interrupted" as const),
    ]).pipe(Effect.catchTag("ThreadDied", (died) => Effect.succeed(died)))
    ledger.close()
    const unfinished = end === "interrupted" ? pool.flatMap((thread) => thread.running() ?? []) : []

    const { never, ...totals } = ledger.totals()
    const wallSeconds = yield* seconds
    const names = scenarios.map(({ name }) => name).join(", ")
    // One seed says nothing of what happens sometimes, and neither does a part of the seeds.
    const missed = end === "done" && totals.seeds > 1 ? never : []
    const failures: ReadonlyArray<Failure> = [
      ...totals.failures,
      ...missed.map(({ scenario, what }) => ({
        scenario,
        failure: what._tag,
        message: what.message,
        sentences: [],
        replay: options.again(),
      })),
      ...(typeof end === "string"
        ? []
        : [
            {
              scenario: names,
              ...(end.seed === undefined ? {} : { seed: end.seed }),
              failure: end._tag,
              message: end.message,
              sentences: [],
              replay: options.again(end.seed),
            },
          ]),
    ]
    return {
      ...totals,
      failures,
      file: Files.shown(options.file),
      workers: pool.length,
      wallSeconds,
      seedsPerSecond: wallSeconds > 0 ? totals.seeds / wallSeconds : 0,
      interrupted: end === "interrupted",
      unfinished: unfinished.toSorted((a, b) => a - b),
    }
  }).pipe(Effect.scoped)

/** Tells from time to time where it is. */
const watch = (
  pool: ReadonlyArray<Pool.Thread>,
  ledger: Ledger.Ledger,
  seconds: Effect.Effect<number>,
  { everyMillis, millis, seeds, tell }: Options,
): Effect.Effect<never> => {
  /** What each thread ran when it was looked at last, and since when. */
  const last = new Map<Pool.Thread, { readonly seed: number | undefined; readonly since: number }>()
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
        tell({
          ...ledger.seen(),
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
