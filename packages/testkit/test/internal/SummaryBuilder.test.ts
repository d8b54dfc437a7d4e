import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { coverageSeeds, SummaryBuilder } from "../../src/internal/SummaryBuilder.ts"
import * as Simulation from "../../src/Simulation.ts"
import { NeverHappened } from "../../src/SimulationError.ts"
import type * as Swarm from "../../src/Swarm.ts"

const scenario = Simulation.scenario("a swarm", () => Effect.void)

const faulty = Simulation.scenario(
  "a swarm",
  {
    faults: {
      swarm: { off: 0, faults: { crash: { perMinute: 12 }, partition: { perMinute: 12 }, clock: { perMinute: 12 } } },
    },
  },
  () => Effect.void,
)

/** Returns a result of a seed without a run. */
const result = (seed: number, parts: Partial<Swarm.SeedResult> = {}): Swarm.SeedResult => ({
  seed,
  explore: "fifo",
  traceHash: `hash ${seed}`,
  steps: 10,
  virtualSeconds: 2,
  faultsFired: {},
  marks: {},
  found: undefined,
  ...parts,
})

describe("SummaryBuilder", () => {
  it("adds up the results of the seeds", () => {
    const summary = new SummaryBuilder(scenario)
    summary.add(result(1, { faultsFired: { loss: 2, crash: 1 }, marks: { x: false, y: true } }))
    summary.add(result(2, { faultsFired: { crash: 3 }, marks: { x: true, y: false, z: false } }))
    const { traceHash: _, ...rest } = summary.summary()
    assert.deepStrictEqual(rest, {
      seeds: 2,
      failures: [],
      never: rest.never,
      virtualSeconds: 4,
      steps: 20,
      faultsFired: { crash: 4, loss: 2 },
      marks: { x: true, y: true, z: false },
    })
    assert.deepStrictEqual(Object.keys(rest.faultsFired), ["crash", "loss"])
  })

  it("folds the hashes of the seeds in their order", () => {
    const hash = (...seeds: ReadonlyArray<number>) => {
      const summary = new SummaryBuilder(scenario)
      for (const seed of seeds) summary.add(result(seed))
      return summary.summary().traceHash
    }
    assert.strictEqual(hash(1, 2, 3), hash(1, 2, 3))
    assert.strictEqual(new Set([hash(1, 2, 3), hash(2, 1, 3), hash(1, 2), hash()]).size, 4)
  })

  it("reports conditions that must hold sometimes and never held, with any number of seeds", () => {
    const summary = new SummaryBuilder(scenario)
    summary.add(result(1, { marks: { "a takeover": false, "a renewal": true } }))
    const [never, ...others] = summary.summary().never
    assert.deepStrictEqual(others, [])
    assert.instanceOf(never, NeverHappened)
    assert.strictEqual(never?.what, "a takeover")
    assert.include(never?.message ?? "", '"a takeover" never happened in 1 seeds of "a swarm"')
    summary.add(result(2, { marks: { "a takeover": true } }))
    assert.deepStrictEqual(summary.summary().never, [])
  })

  it("reports configured faults that never occurred, from a hundred seeds on", () => {
    const summary = new SummaryBuilder(faulty)
    for (let seed = 1; seed < coverageSeeds; seed++) summary.add(result(seed, { faultsFired: { crash: 1 } }))
    assert.deepStrictEqual(summary.summary().never, [])
    summary.add(result(100))
    const [never, ...others] = summary.summary().never
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(never?.what.split(", ").sort(), ["clock", "partition"])
    assert.include(never?.message ?? "", "configured and never occurred in 100 seeds")
    summary.add(result(101, { faultsFired: { clock: 1, partition: 2 } }))
    assert.deepStrictEqual(summary.summary().never, [])
  })
})
