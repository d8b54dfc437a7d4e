/**
 * Distribution of the runs of consecutive seeds to threads, and collection of their results. A run is one scenario with
 * one seed, so that several threads share a seed of many scenarios.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Seeds from "../Seeds.ts"
import type { SimulationError } from "../SimulationError.ts"
import type { ScenarioRun } from "./protocol.ts"
import type { ScenarioResult, SeedResults } from "./SeedResults.ts"
import type { SimulationThread, ThreadDied } from "./SimulationThread.ts"

/**
 * Number of runs for each thread that are handed out one at a time at the end. Before, a thread has one further run that
 * comes next, so that it does not wait for it. At the end such a run would wait behind a long run while other threads
 * have nothing to do.
 */
const oneByOne = 8

/**
 * Maximum number of seeds that have begun and wait for a slow seed. A waiting result is small, because the trace of a
 * failure is written to its file at once.
 */
const window = 10_000

interface Options {
  readonly seeds: Seeds.Seeds
  /** Names of the scenarios. */
  readonly scenarios: ReadonlyArray<string>
  /** Wall-clock time, in milliseconds, after which no further seed begins. */
  readonly deadline: number
  readonly results: SeedResults
  /** Makes the result of a run, and writes the files of a failure. */
  readonly resultOf: (run: ScenarioRun) => Effect.Effect<ScenarioResult, SimulationError>
}

export class SeedFeed {
  private readonly options: Options
  private readonly room = Semaphore.makeUnsafe(window)
  private readonly full = Deferred.makeUnsafe<void>()
  /** Holds while a feed takes a run. */
  private readonly turn = Semaphore.makeUnsafe(1)
  /** Results of seeds that have not ended, by the index of the scenario. */
  private readonly begun = new Map<number, Map<number, ScenarioResult>>()
  /** Number of runs of all seeds. */
  private readonly count: number
  /** Number of runs that were handed out. */
  private next = 0
  private isOver = false

  constructor(options: Options) {
    this.options = options
    this.count = Seeds.count(options.seeds) * options.scenarios.length
  }

  /** Waits until there are enough failures. */
  get whenFull(): Effect.Effect<void> {
    return Deferred.await(this.full)
  }

  /** Feeds all threads until the seeds or the time are used up. */
  run(threads: ReadonlyArray<Pick<SimulationThread, "seed">>): Effect.Effect<void, SimulationError | ThreadDied> {
    const reserve = oneByOne * threads.length
    const feeds = [
      ...threads.map((thread) => this.feed(thread, 0)),
      ...threads.map((thread) => this.feed(thread, reserve)),
    ]
    return Effect.all(feeds, { concurrency: "unbounded", discard: true })
  }

  /** Feeds a thread with one run after the other, and leaves the last `reserve` runs. */
  private feed(
    thread: Pick<SimulationThread, "seed">,
    reserve: number,
  ): Effect.Effect<void, SimulationError | ThreadDied> {
    const { resultOf, results } = this.options
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const run = yield* this.takeRun(reserve)
        if (run === undefined) return
        const [only] = yield* thread.seed(run.seed, run.scenario)
        if (only === undefined) return yield* Effect.die(`a thread returned no run of "${run.scenario}"`)
        const result = yield* resultOf(only)
        const ended = this.endRun(run.seed, run.index, result)
        if (ended === undefined) continue
        yield* this.room.release(results.add(run.seed, ended))
        if (results.isFull()) yield* Deferred.succeed(this.full, undefined)
      }
    })
  }

  /**
   * Takes the next run, and leaves the last `reserve` runs. Returns `undefined` if there is none. The first run of a seed
   * waits for room.
   */
  private takeRun(reserve: number) {
    const { deadline, scenarios, seeds } = this.options
    const take = Effect.gen({ self: this }, function* () {
      if (this.isOver || this.next >= this.count - reserve) return undefined
      const index = this.next % scenarios.length
      const seed = seeds.from + Math.floor(this.next / scenarios.length)
      if (index === 0) {
        yield* this.room.take(1)
        this.isOver = (yield* Clock.currentTimeMillis) >= deadline
        if (this.isOver) return undefined
      }
      this.next++
      return { seed, index, scenario: scenarios[index] ?? "" }
    })
    return this.turn.withPermits(1)(take)
  }

  /** Adds the result of a run. Returns the results of all scenarios if it was the last run of its seed. */
  private endRun(seed: number, index: number, result: ScenarioResult): ReadonlyArray<ScenarioResult> | undefined {
    const all = this.begun.get(seed) ?? new Map<number, ScenarioResult>()
    this.begun.set(seed, all.set(index, result))
    if (all.size < this.options.scenarios.length) return undefined
    this.begun.delete(seed)
    return [...all].sort(([a], [b]) => a - b).map(([, each]) => each)
  }
}
