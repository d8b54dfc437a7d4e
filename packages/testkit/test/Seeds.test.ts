import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Seeds from "../src/Seeds.ts"

const refusal = (result: Result.Result<Seeds.Seeds, { readonly reason: string; readonly message: string }>): string => {
  const error = Result.getOrThrow(Result.flip(result))
  assert.strictEqual(error.reason, "seeds")
  return error.message
}

describe("Seeds", () => {
  it("are parsed from a range or a single seed", () => {
    assert.deepStrictEqual(Result.getOrThrow(Seeds.parse("1..200")), { from: 1, to: 200 })
    assert.deepStrictEqual(Result.getOrThrow(Seeds.parse(" 42 ")), { from: 42, to: 42 })
  })

  it("are rejected with advice if the text is not a range", () => {
    for (const text of ["", "x", "1..", "1...3", "-1", "1.5", "1..2..3"]) {
      assert.include(refusal(Seeds.parse(text)), "write 1..200")
    }
  })

  it("are rejected if the range is reversed, or beyond safe integers", () => {
    assert.include(refusal(Seeds.parse("5..3")), "did you mean 3..5?")
    for (const seed of [-1, 1.5, 2 ** 53, Number.NaN]) assert.include(refusal(Seeds.make(0, seed)), "is not a seed")
  })

  it("have a size equal to the number of iterated seeds, both ends included", () => {
    const seeds = { from: 3, to: 7 }
    assert.deepStrictEqual([...Seeds.iterate(seeds)], [3, 4, 5, 6, 7])
    assert.strictEqual(Seeds.count(seeds), 5)
  })

  it("have a base for each text, far from other bases and within safe integers", () => {
    assert.strictEqual(Seeds.base("3f2a"), Seeds.base("3f2a"))
    assert.isAtLeast(Math.abs(Seeds.base("3f2a") - Seeds.base("3f2b")), 1_000_000)
    for (const text of ["", "a", "3f2a", "x".repeat(100)]) assert.isTrue(Number.isSafeInteger(Seeds.base(text) + 1e6))
  })
})
