import { assert, describe, it } from "@effect/vitest"
import * as Ledger from "../../src/cli/ledger.ts"

const scenarios = [
  { name: "first", faults: undefined },
  { name: "second", faults: undefined },
]

/** What a seed gives for both scenarios; it fails in the second one if it is among those. */
const entries = (seed: number, failing: ReadonlyArray<number> = []): ReadonlyArray<Ledger.Entry> =>
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
  const ledger = Ledger.make(scenarios, 1, enough)
  return { ledger, taken: order.map((seed) => ledger.take(seed, entries(seed, failing))) }
}

describe("a ledger", () => {
  it("comes to the same in whatever order seeds arrive", () => {
    const inOrder = fill([1, 2, 3, 4, 5], [2, 4])
    const mixed = fill([4, 2, 1, 5, 3], [2, 4])
    assert.deepStrictEqual(mixed.ledger.totals(), inOrder.ledger.totals())
    assert.deepStrictEqual(inOrder.taken, [1, 1, 1, 1, 1])
    assert.deepStrictEqual(mixed.taken, [0, 0, 2, 0, 3])
  })

  it("has another hash if one of the seeds did otherwise", () => {
    const [first, ...rest] = entries(2)
    assert.isDefined(first)
    const { ledger } = fill([1])
    ledger.take(2, [{ ...first, result: { ...first.result, traceHash: "otherwise" } }, ...rest])
    const same = fill([1, 2]).ledger.totals()
    assert.notStrictEqual(ledger.totals().traceHash, same.traceHash)
    assert.strictEqual(ledger.totals().steps, same.steps)
  })

  it("adds up scenarios, and each of them for itself", () => {
    const totals = fill([1, 2, 3], [2]).ledger.totals()
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

  it("is full with enough failures, and leaves out what comes after their seed", () => {
    const { ledger, taken } = fill([3, 5, 1, 4, 2, 6], [2, 4, 5], 2)
    assert.isTrue(ledger.full())
    assert.deepStrictEqual(taken, [0, 0, 1, 0, 3, 0])
    ledger.close()
    const { failures, seeds } = ledger.totals()
    assert.strictEqual(seeds, 4)
    assert.deepStrictEqual(
      failures.map(({ seed }) => seed),
      [2, 4],
    )
  })

  it("tells what it has seen before it can put it together", () => {
    const { ledger } = fill([5, 4], [4])
    assert.deepStrictEqual(ledger.seen(), { seeds: 2, failures: 1, virtualSeconds: 2.25 })
    assert.strictEqual(ledger.totals().seeds, 0)
    ledger.close()
    assert.strictEqual(ledger.totals().seeds, 2)
    assert.strictEqual(ledger.totals().failures.length, 1)
  })
})
