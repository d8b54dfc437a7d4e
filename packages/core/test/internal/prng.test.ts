import { assert, describe, it } from "@effect/vitest"
import * as Prng from "../../src/internal/prng.ts"

/** Returns the next numbers and the state after them. */
const draw = (seed: number, count: number): readonly [number, ReadonlyArray<number>] => {
  const values: Array<number> = []
  let state = seed
  for (let i = 0; i < count; i++) {
    const [next, value] = Prng.next(state)
    state = next
    values.push(value)
  }
  return [state, values]
}

describe("next", () => {
  it("draws the same numbers from the same seed, and other numbers from another seed", () => {
    assert.deepStrictEqual(draw(7, 10), draw(7, 10))
    assert.notDeepEqual(draw(7, 10)[1], draw(8, 10)[1])
  })

  it("draws uniformly distributed numbers in [0, 1)", () => {
    const buckets = Array.from({ length: 10 }, () => 0)
    for (const value of draw(1, 10_000)[1]) {
      assert.isAtLeast(value, 0)
      assert.isBelow(value, 1)
      const bucket = Math.floor(value * 10)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    for (const count of buckets) assert.approximately(count, 1_000, 150)
  })
})

describe("sample", () => {
  const items = Array.from({ length: 10 }, (_, i) => i)
  const indexed = <A>(array: ReadonlyArray<A>): Prng.Indexed<A> => ({ size: array.length, at: (i) => array[i] })

  it("draws `count` different items, and all items if there are fewer", () => {
    for (let seed = 0; seed < 100; seed++) {
      const [, drawn] = Prng.sample(seed, indexed(items), 4)
      assert.strictEqual(new Set(drawn).size, 4)
      const [, all] = Prng.sample(seed, indexed(items), 20)
      assert.deepStrictEqual([...all].sort(), items)
    }
    assert.deepStrictEqual(Prng.sample(5, indexed(items), 0), [5, []])
    assert.deepStrictEqual(Prng.sample(5, indexed([]), 3), [5, []])
  })

  it("draws each item equally often", () => {
    const counts = items.map(() => 0)
    let state = 1
    for (let i = 0; i < 5_000; i++) {
      const [next, drawn] = Prng.sample(state, indexed(items), 2)
      state = next
      for (const item of drawn) counts[item] = (counts[item] ?? 0) + 1
    }
    for (const count of counts) assert.approximately(count, 1_000, 150)
  })

  it("draws only items that satisfy the condition, each equally often", () => {
    const counts = items.map(() => 0)
    let state = 1
    for (let i = 0; i < 5_000; i++) {
      const [next, drawn] = Prng.sample(state, indexed(items), 2, (item) => item >= 6)
      state = next
      assert.strictEqual(drawn.length, 2)
      for (const item of drawn) counts[item] = (counts[item] ?? 0) + 1
    }
    for (const [item, count] of counts.entries()) assert.approximately(count, item >= 6 ? 2_500 : 0, 150)
  })

  it("visits only the items that it draws", () => {
    let seen = 0
    const many: Prng.Indexed<number> = { size: 1_000_000, at: (i) => (seen++, i) }
    assert.strictEqual(new Set(Prng.sample(1, many, 3)[1]).size, 3)
    assert.strictEqual(seen, 3)
  })

  it("does not change the items, and returns a state that draws other items next", () => {
    const before = items.slice()
    const [state, first] = Prng.sample(3, indexed(items), 5)
    const [, second] = Prng.sample(state, indexed(items), 5)
    assert.deepStrictEqual(items, before)
    assert.notDeepEqual(first, second)
  })
})
