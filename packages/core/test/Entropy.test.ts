import * as Entropy from "@coterie/core/Entropy"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

describe("the entropy source of the platform", () => {
  it.effect("draws integers from all of 32 bits", () =>
    Effect.gen(function* () {
      const { u32 } = yield* Entropy.Entropy
      const numbers = Array.from({ length: 1_000 }, () => u32())
      for (const number of numbers) assert.strictEqual(number >>> 0, number)
      // Each of these fails by chance once in more than 2^900 runs.
      assert.isBelow(Math.min(...numbers), 2 ** 31)
      assert.isAtLeast(Math.max(...numbers), 2 ** 31)
      assert.isTrue(numbers.some((number) => (number & 1) === 1))
    }),
  )
})
