import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Seeds from "../../src/Seeds.ts"
import { coterieSim, deterministic, fixture, inProcess, summary, temporary } from "./command.ts"

/** One thread for a run that does not depend on the number of threads, because each thread loads the modules again. */
const one = ["--workers", "1"]

describe("coterie-sim swarm", () => {
  it.live("has the same summary for any number of workers, and in another process", () =>
    Effect.gen(function* () {
      const args = (workers: number) => [
        ...["swarm", fixture("holds"), "--seeds", "1..10", "--json"],
        ...["--workers", String(workers)],
      ]
      const [alone, two] = yield* Effect.all([inProcess(args(1)), coterieSim(args(2))])
      const first = summary(alone)
      assert.deepStrictEqual(deterministic(summary(two)), deterministic(first))
      assert.deepStrictEqual([first.workers, summary(two).workers], [1, 2])

      assert.strictEqual(alone.code, 0)
      assert.strictEqual(first.seeds, 10)
      assert.strictEqual(first.runs, 30)
      assert.deepStrictEqual(first.failures, [])
      assert.match(first.traceHash, /^[0-9a-f]{16}$/)
      assert.deepStrictEqual(
        first.scenarios.map(({ name, runs }) => [name, runs]),
        [
          ["an echo", 10],
          ["an echo under faults", 10],
          ["in the order of a map", 10],
        ],
      )
      assert.deepStrictEqual(first.marks, { "an answer comes": true })
      assert.isAbove(first.faultsFired["partition"] ?? 0, 0)
      assert.isAbove(first.steps, 1000)
      assert.isAbove(first.virtualSeconds, 10 * 20)
      assert.isAbove(first.seedsPerSecond, 0)
    }),
  )

  it.live("ends with the requested number of failures, whichever thread finds them first", () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      const results = yield* Effect.forEach(["1", "2"], (workers) => {
        const out = ["--out", path.join(dir, "out"), "--no-shrink", "--stop-after", "2", "--json"]
        return inProcess(["swarm", fixture("broken"), "--seeds", "1..40", ...out, "--workers", workers])
      })
      const [first, two] = results.map((ended) => deterministic(summary(ended)))
      assert.deepStrictEqual(two, first)
      assert.deepStrictEqual(
        results.map(({ code }) => code),
        [1, 1],
      )
      assert.strictEqual(first?.failures.length, 2)
      assert.strictEqual(first?.failures[1]?.seed, first?.seeds)
      assert.isTrue(fs.existsSync(first?.failures[1]?.artifact ?? ""))
    }),
  )

  it.live("runs consecutive seeds from a base until the time limit", () =>
    Effect.gen(function* () {
      const args = ["swarm", fixture("holds"), "--scenario", "an echo", ...one, "--json"]
      const timed = summary(yield* inProcess([...args, "--time", "500ms", "--base", "5f3a"]))
      assert.isAbove(timed.seeds, 0)
      const base = Seeds.base("5f3a")
      const seeds = summary(yield* inProcess([...args, "--seeds", `${base + 1}..${base + timed.seeds}`]))
      assert.deepStrictEqual(deterministic(timed), deterministic(seeds))
      assert.deepStrictEqual(
        timed.scenarios.map(({ name }) => name),
        ["an echo"],
      )
    }),
  )

  it.live("finds coterie.sim.ts in the working directory, and prints a summary", () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      fs.writeFileSync(path.join(dir, "coterie.sim.ts"), `export * from ${JSON.stringify(fixture("holds"))}\n`)
      const { code, out } = yield* coterieSim(["swarm", "--seeds", "5", "--scenario", "an echo", ...one], { cwd: dir })
      assert.strictEqual(code, 0)
      assert.match(
        out,
        /^coterie\.sim\.ts: 1 seed, no failure\nin .* of virtual time.*\n(.*\n)*trace hash: [0-9a-f]{16}\n$/,
      )
    }),
  )

  it.live("fails if a condition that must hold sometimes never holds, unless there is only one seed", () =>
    Effect.gen(function* () {
      const args = ["swarm", fixture("bad"), ...one, "--scenario", "never", "--json"]
      const [single, several] = yield* Effect.forEach(["1", "1..3"], (seeds) => inProcess([...args, "--seeds", seeds]))
      assert.isDefined(single)
      assert.isDefined(several)
      assert.strictEqual(single.code, 0)
      assert.strictEqual(several.code, 1)
      const [failure, ...others] = summary(several).failures
      assert.deepStrictEqual(others, [])
      assert.strictEqual(failure?.failure, "NeverHappened")
      assert.match(failure?.message ?? "", /"a unicorn comes by" never happened in 3 seeds/)
      assert.match(failure?.replay ?? "", /swarm .* --scenario never --json --seeds 1\.\.3$/)
    }),
  )

  it.live("repeats the first seed of each thread, and fails if state outlived the runs in between", () =>
    Effect.gen(function* () {
      const args = ["swarm", fixture("leaks"), "--seeds", "1..4", "--json", "--out", yield* temporary, ...one]
      const strict = yield* inProcess([...args, "--scenario", "leaks"])
      assert.strictEqual(strict.code, 1)
      const [failure, ...others] = summary(strict).failures
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual([failure?.failure, failure?.seed], ["NonDeterministic", 1])
      assert.match(failure?.message ?? "", /gave another run after other seeds .*--isolate/)
      assert.strictEqual((yield* inProcess([...args, "--scenario", "leaks unnoticed"])).code, 0)
    }),
  )

  it.live("isolates each run, so that no state outlives it", () =>
    Effect.gen(function* () {
      const out = ["--out", yield* temporary]
      const args = ["swarm", fixture("leaks"), "--seeds", "1..2", "--workers", "2", "--json", "--isolate", ...out]
      const { failures, scenarios } = summary(yield* inProcess(args))
      assert.deepStrictEqual(
        failures.map(({ failure, scenario, seed }) => [scenario, failure, seed]),
        [
          ["fails", "ScenarioFailed", 1],
          ["fails", "ScenarioFailed", 2],
        ],
      )
      // Each run is the first of its thread, and takes one millisecond.
      assert.deepStrictEqual(
        scenarios.map(({ virtualSeconds }) => virtualSeconds),
        [0.002, 0.002, 0.002],
      )
    }),
  )

  it.live("separates the output of programs from its own output", () =>
    Effect.gen(function* () {
      const args = ["swarm", fixture("bad"), "--scenario", "talks", "--seeds", "1..5", ...one, "--json"]
      const ended = yield* coterieSim(args)
      assert.strictEqual(summary(ended).seeds, 5)
      assert.match(ended.err, /^seed 1 says hello$/m)
    }),
  )

  it.live("names the seed at which a thread ended", () =>
    Effect.gen(function* () {
      const args = ["swarm", fixture("bad"), "--scenario", "exits", "--seeds", "1..9", ...one, "--json"]
      const ended = yield* inProcess(args)
      assert.strictEqual(ended.code, 1)
      const [failure, ...others] = summary(ended).failures
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual([failure?.failure, failure?.seed], ["ThreadDied", 3])
      assert.match(failure?.message ?? "", /while it was running seed 3: it exited with code 7/)
      assert.match(failure?.replay ?? "", /swarm .*bad\.sim\.ts --seeds 3 --scenario exits$/)
    }),
  )

  it.live("ends on Ctrl-C with the summary so far, also while a program loops forever", () =>
    Effect.gen(function* () {
      const args = ["swarm", fixture("bad"), "--scenario", "circles", "--time", "1h", ...one, "--json"]
      const ended = yield* coterieSim(args, { interruptAt: "seed 2 runs in circles" })
      assert.strictEqual(ended.code, 130)
      const { interrupted, seeds, unfinished } = summary(ended)
      assert.deepStrictEqual({ interrupted, seeds, unfinished }, { interrupted: true, seeds: 1, unfinished: [2] })
    }),
  )
})
