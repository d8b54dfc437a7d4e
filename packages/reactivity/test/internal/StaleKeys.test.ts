import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Keys, StaleKeys } from "../../src/internal/StaleKeys.ts"

const bounds = { maxKeys: 4, maxCharacters: 12 }

/** Adds a key, or merges a set of keys. */
const Step = Schema.Union([Schema.Literals(["a", "bb", "ccc", "dddd", "eeeee", "f"]), Schema.Literals([1, 2, 3, 9])])

const sets: Readonly<Record<number, Keys>> = {
  1: new Set(["a", "x"]),
  2: new Set(["bb", "ccc", "f"]),
  3: new Set(["g", "h", "i", "j", "k"]),
  9: "all",
}

describe("stale keys", () => {
  it.effect.prop(
    "are the keys that were added, or all keys beyond a bound, and leave merged sets as they were",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.sync(() => {
        const before = Object.values(sets).map((keys) => (keys === "all" ? keys : [...keys]))
        const stale = new StaleKeys(bounds)
        let expected: Set<string> | "all" = new Set<string>()
        for (const step of steps) {
          const keys = typeof step === "string" ? new Set([step]) : (sets[step] ?? "all")
          if (typeof step === "string") stale.add(step)
          else stale.merge(keys)
          if (expected === "all" || keys === "all") expected = "all"
          else for (const key of keys) expected.add(key)
          if (expected !== "all" && (expected.size > 4 || [...expected].join("").length > 12)) expected = "all"
        }
        const isEmpty = expected !== "all" && expected.size === 0
        assert.strictEqual(stale.isEmpty, isEmpty)
        const taken = stale.take()
        if (isEmpty) assert.isUndefined(taken)
        else assert.deepStrictEqual(taken, expected)
        assert.isTrue(stale.isEmpty)
        assert.deepStrictEqual(
          Object.values(sets).map((keys) => (keys === "all" ? keys : [...keys])),
          before,
        )
      }),
  )
})
