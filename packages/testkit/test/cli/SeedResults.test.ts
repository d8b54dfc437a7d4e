import { assert, describe, it } from "@effect/vitest"
import { type ScenarioResult, SeedResults } from "../../src/cli/SeedResults.ts"

const scenarios = [
  { name: "first", faults: undefined },
  { name: "second", faults: undefined },
]

/** Makes the results of both scenarios. The second one fails for some seeds. */
const resultsOf = (seed: number, failing: ReadonlyArray<number> = []): ReadonlyArray<ScenarioResult> =>
  scenarios.map(({ name }, index) => ({
    result: {
      seed,
      explore: "fifo",
      traceHash: `${seed} ${name}`,
      steps: 10 + seed,
      virtualSeconds: seed / 8,
      faultsFired: index === 0 ? { reset: 1 } : { crash: 2, reset: 3 },
      marks: index === 0 ? { once: seed === 3 } : { once: false, never: false },
      found: undefined,
    },
    failure:
      index === 1 && failing.includes(seed)
        ? { scenario: name, seed, failure: "Stalled", message: "", sentences: [], replay: "" }
        : undefined,
  }))

const fill = (order: ReadonlyArray<number>, failing: ReadonlyArray<number> = [], enough = Number.POSITIVE_INFINITY) => {
  const results = new SeedResults({ scenarios, from: 1, enough })
  return { results, added: order.map((seed) => results.add(seed, resultsOf(seed, failing))) }
}

describe("SeedResults", () => {
  it("has the same sum in any order of the seeds", () => {
    const inOrder = fill([1, 2, 3, 4, 5], [2, 4])
    const mixed = fill([4, 2, 1, 5, 3], [2, 4])
    assert.deepStrictEqual(mixed.results.totals(), inOrder.results.totals())
    assert.deepStrictEqual(inOrder.added, [1, 1, 1, 1, 1])
    assert.deepStrictEqual(mixed.added, [0, 0, 2, 0, 3])
  })

  it("has another hash if one of the seeds has another hash", () => {
    const [first, ...rest] = resultsOf(2)
    assert.isDefined(first)
    const { results } = fill([1])
    results.add(2, [{ ...first, result: { ...first.result, traceHash: "otherwise" } }, ...rest])
    const same = fill([1, 2]).results.totals()
    assert.notStrictEqual(results.totals().traceHash, same.traceHash)
    assert.strictEqual(results.totals().steps, same.steps)
  })

  it("adds up all scenarios together, and each of them separately", () => {
    const totals = fill([1, 2, 3], [2]).results.totals()
    assert.deepStrictEqual([totals.seeds, totals.runs, totals.steps], [3, 6, 72])
    assert.strictEqual(totals.virtualSeconds, 1.5)
    assert.deepStrictEqual(totals.faultsFired, { crash: 6, reset: 12 })
    assert.deepStrictEqual(totals.marks, { once: true, never: false })
    assert.deepStrictEqual(
      totals.scenarios.map(({ faultsFired, marks, name, runs }) => ({ faultsFired, marks, name, runs })),
      [
        { name: "first", runs: 3, faultsFired: { reset: 3 }, marks: { once: true } },
        { name: "second", runs: 3, faultsFired: { crash: 6, reset: 9 }, marks: { once: false, never: false } },
      ],
    )
    assert.deepStrictEqual(
      totals.never.map(({ scenario, what }) => [scenario, what.what]),
      [
        ["second", "once"],
        ["second", "never"],
      ],
    )
  })

  it("is full with enough failures, and omits the results of later seeds", () => {
    const { results, added } = fill([3, 5, 1, 4, 2, 6], [2, 4, 5], 2)
    assert.isTrue(results.isFull())
    assert.deepStrictEqual(added, [0, 0, 1, 0, 3, 0])
    results.flush()
    const { failures, seeds } = results.totals()
    assert.strictEqual(seeds, 4)
    assert.deepStrictEqual(
      failures.map(({ seed }) => seed),
      [2, 4],
    )
  })

  it("counts results that wait for earlier seeds", () => {
    const { results } = fill([5, 4], [4])
    assert.deepStrictEqual(results.received(), { seeds: 2, failures: 1, virtualSeconds: 2.25 })
    assert.strictEqual(results.totals().seeds, 0)
    results.flush()
    assert.strictEqual(results.totals().seeds, 2)
    assert.strictEqual(results.totals().failures.length, 1)
  })
})
