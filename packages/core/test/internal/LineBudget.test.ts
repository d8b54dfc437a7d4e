import { assert, describe, it } from "@effect/vitest"
import { LineBudget, linesPerPeriod, linesPerSubject, periodMillis } from "../../src/internal/LineBudget.ts"

/** Returns the number of lines about the subjects that may be written at the time. */
const written = (budget: LineBudget, now: number, subjects: ReadonlyArray<string | undefined>): number =>
  subjects.filter((subject) => budget.take(now, subject)).length

const distinct = (count: number) => Array.from({ length: count }, (_, i) => `subject-${i}`)

const repeated = (count: number, subject?: string) => Array.from({ length: count }, () => subject)

describe("a budget of lines", () => {
  it("allows the maximum number of lines in each period", () => {
    const budget = new LineBudget()
    assert.strictEqual(written(budget, 0, distinct(linesPerPeriod + 5)), linesPerPeriod)
    assert.strictEqual(written(budget, periodMillis - 1, distinct(5)), 0)
    assert.strictEqual(written(budget, periodMillis, distinct(linesPerPeriod + 5)), linesPerPeriod)
    assert.strictEqual(budget.size(), 15)
  })

  it("allows fewer lines about one subject, so that there is room for the others", () => {
    const budget = new LineBudget()
    assert.strictEqual(written(budget, 0, repeated(1_000, "a")), linesPerSubject)
    assert.strictEqual(written(budget, 0, ["b"]), 1)
    assert.strictEqual(written(budget, periodMillis, ["a"]), 1)
    assert.strictEqual(written(new LineBudget(1), 0, ["a", "b", "a", "b"]), 2, "the configured number")
  })

  it("allows all lines of a period without a subject", () => {
    assert.strictEqual(written(new LineBudget(), 0, repeated(linesPerPeriod + 5)), linesPerPeriod)
  })

  it("counts each omitted line once, also across periods", () => {
    const budget = new LineBudget()
    written(budget, 0, distinct(linesPerPeriod + 7))
    written(budget, periodMillis, distinct(linesPerPeriod + 2))
    assert.strictEqual(budget.takeOmitted(), 9)
    assert.strictEqual(budget.takeOmitted(), 0)
    assert.strictEqual(budget.size(), 0)
  })

  it("returns the time until its period ends", () => {
    const budget = new LineBudget()
    budget.take(100, "a")
    budget.take(200, "a")
    assert.strictEqual(budget.remaining(200), periodMillis - 100)
    assert.strictEqual(budget.remaining(2 * periodMillis), 0)
  })
})
