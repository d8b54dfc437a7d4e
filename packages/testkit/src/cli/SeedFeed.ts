/** Distribution of consecutive seeds to threads, and collection of their results. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Seeds from "../Seeds.ts"
import type { SimulationError } from "../SimulationError.ts"
import type { ScenarioRun } from "./protocol.ts"
import type { ScenarioResult, SeedResults } from "./SeedResults.ts"
import type { SimulationThread, ThreadDied } from "./SimulationThread.ts"

/**
 * Number of seeds for each thread that are handed out one at a time at the end. Before, a thread has one further seed
 * that it runs next, so that it does not wait for the next one. At the end such a seed would wait behind a long seed
 * while other threads have nothing to do.
 */
const oneByOne = 8

/**
 * Maximum number of results that wait for a slow seed. A waiting result is small, because the trace of a failure is
 * written to its file at once.
 */
const window = 10_000

interface Options {
  readonly seeds: Seeds.Seeds
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
  private next: number

  constructor(options: Options) {
    this.options = options
    this.next = options.seeds.from
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

  /** Feeds a thread with one seed after the other, and leaves the last `reserve` seeds. */
  private feed(
    thread: Pick<SimulationThread, "seed">,
    reserve: number,
  ): Effect.Effect<void, SimulationError | ThreadDied> {
    const { deadline, resultOf, results, seeds } = this.options
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        yield* this.room.take(1)
        if (this.next > seeds.to - reserve || (yield* Clock.currentTimeMillis) >= deadline) {
          yield* this.room.release(1)
          return
        }
        const seed = this.next++
        const runs = yield* thread.seed(seed)
        const added = yield* Effect.forEach(runs, resultOf)
        yield* this.room.release(results.add(seed, added))
        if (results.isFull()) yield* Deferred.succeed(this.full, undefined)
      }
    })
  }
}
