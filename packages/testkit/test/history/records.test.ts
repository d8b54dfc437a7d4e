import { assert, describe, it } from "@effect/vitest"
import * as records from "../../src/history/records.ts"

describe("the records of a history", () => {
  const call: records.Call<string, number | undefined> = {
    who: "a",
    operation: "read",
    called: { at: 1_000, order: 0 },
    returned: { at: 2_500_000, order: 1 },
    outcome: { _tag: "unknown" },
  }

  it("contain the caller, the operation, the times and the outcome of a call", () => {
    const sentenceOf = (outcome: records.Outcome<number | undefined>) => records.describe({ ...call, outcome })
    assert.strictEqual(sentenceOf({ _tag: "ok", value: 7 }), 'a called "read" at 1.0 ms, which returned 7 at 2.500 s')
    assert.strictEqual(
      sentenceOf({ _tag: "ok", value: undefined }),
      'a called "read" at 1.0 ms, which returned at 2.500 s',
    )
    assert.strictEqual(
      sentenceOf({ _tag: "failed", error: "no" }),
      'a called "read" at 1.0 ms, which failed with "no" at 2.500 s',
    )
    assert.strictEqual(
      sentenceOf({ _tag: "unknown" }),
      'a called "read" at 1.0 ms, which ended with an unknown outcome at 2.500 s',
    )
  })

  it("report that a call without a return never ended", () => {
    assert.strictEqual(
      records.describe({ ...call, returned: undefined }),
      'a called "read" at 1.0 ms, which never ended',
    )
  })

  it("truncate values that are longer than 100 characters", () => {
    assert.strictEqual(records.show("x".repeat(98)), `"${"x".repeat(98)}"`)
    assert.strictEqual(records.show("x".repeat(99)), `"${"x".repeat(96)}...`)
  })

  it("describe an event by its time", () => {
    assert.strictEqual(records.when({ at: 3_000_000, order: 4 }), "at 3.000 s")
  })
})
