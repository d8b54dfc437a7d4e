/** Scenarios of this repository: a seed gives the same run whatever ran before it in the process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { Worker } from "node:worker_threads"
import type { Run } from "./fixtures/runs.ts"

const root = path.join(import.meta.dirname, "../../../..")
const program = path.join(import.meta.dirname, "fixtures/runs.ts")

/** Seeds of each scenario. With these seeds most scenarios with a random number of nodes start few nodes. */
const usual: ReadonlyArray<number> = [9, 13]

/** Seeds of the scenarios that take several seconds with a usual seed. */
const cheap: Readonly<Record<string, ReadonlyArray<number>>> = { anything: [2, 13], runners: [1, 31], small: [2, 13] }

const source = fs.readFileSync(path.join(root, "coterie.sim.ts"), "utf8")
const exports = [...source.matchAll(/^export \{ (.+) \} from "(.+)"$/gm)]

/** Runs of all scenarios of `pnpm sim`, in the order of their exports. */
const runs: ReadonlyArray<Run> = exports.flatMap(([, names = "", file = ""]) =>
  names
    .split(", ")
    .flatMap((scenario) => (cheap[scenario] ?? usual).map((seed) => ({ file: path.join(root, file), scenario, seed }))),
)

/**
 * Carries out the runs in a new thread, one after the other, and returns the hashes of their traces. A thread has modules
 * of its own, and loads those of its scenarios only, because the modules of all scenarios take twice the time.
 */
const hashesOf = (runs: ReadonlyArray<Run>): Effect.Effect<ReadonlyMap<Run, string>, Error> =>
  Effect.callback((resume) => {
    const worker = new Worker(program, { workerData: runs })
    worker.once("message", (hashes: ReadonlyArray<string>) =>
      resume(Effect.succeed(new Map(runs.map((run, index) => [run, hashes[index] ?? ""])))),
    )
    worker.once("error", (error: Error) => resume(Effect.fail(error)))
    return Effect.promise(() => worker.terminate())
  })

/** Hashes of all runs in each direction. All tests share them. */
const forwards = Effect.runSync(Effect.cached(hashesOf(runs)))
const backwards = Effect.runSync(Effect.cached(hashesOf(runs.toReversed())))

// State that outlives a run would change a later run: one of the same scenario with the other seed, or one of another
// scenario. A run alone has nothing before it, and the two directions have different runs before it.
describe.concurrent("forwards, backwards and alone in a thread, a seed gives the same run of", () => {
  for (const [scenario, ofScenario] of Map.groupBy(runs, ({ scenario }) => scenario)) {
    it.live(
      scenario,
      () =>
        Effect.gen(function* () {
          const [first, last] = yield* Effect.all([forwards, backwards], { concurrency: 2 })
          // In each direction, another seed is the first one of the scenario, so one run alone is enough.
          const alone = yield* hashesOf(ofScenario.slice(0, 1))
          for (const run of ofScenario) {
            const hashes = [first, last, alone].flatMap((each) => each.get(run) ?? [])
            assert.strictEqual(new Set(hashes).size, 1, `seed ${run.seed}: ${hashes.join(", ")}`)
          }
        }),
      300_000,
    )
  }
})

it("reads every export of the module with the scenarios of pnpm sim", () => {
  assert.strictEqual(exports.length, source.match(/^export/gm)?.length)
})
