import { assert, describe, it } from "@effect/vitest"
import { below, lasting, pick, shuffle } from "../../src/faults/chance.ts"
import * as Prng from "../../src/kernel/Prng.ts"

const many = <A>(draw: (random: Prng.Prng) => A, count = 2_000): ReadonlyArray<A> => {
  const random = Prng.make(1, "chance")
  return Array.from({ length: count }, () => draw(random))
}

describe("chance", () => {
  it("draws every integer from 0 up to the count, and no other", () => {
    assert.deepStrictEqual(
      [...new Set(many((random) => below(4, random)))].sort((a, b) => a - b),
      [0, 1, 2, 3],
    )
  })

  it("picks every item, and nothing from an empty list", () => {
    assert.deepStrictEqual([...new Set(many((random) => pick(["a", "b", "c"], random)))].sort(), ["a", "b", "c"])
    assert.deepStrictEqual(
      many((random) => pick([], random), 3),
      [undefined, undefined, undefined],
    )
  })

  it("shuffles into every order about equally often, and keeps all items", () => {
    const orders = Map.groupBy(
      many((random) => shuffle(["a", "b", "c"], random).join(""), 6_000),
      (order) => order,
    )
    assert.deepStrictEqual([...orders.keys()].sort(), ["abc", "acb", "bac", "bca", "cab", "cba"])
    for (const [order, { length }] of orders) assert.closeTo(length, 1_000, 150, order)
  })

  it("draws whole durations within their bounds and around their mean", () => {
    const times = many((random) => lasting({ min: 1_000, mean: 5_000, max: 200_000 }, random), 20_000)
    assert.isTrue(times.every((time) => Number.isInteger(time) && time >= 1_000 && time <= 200_000))
    assert.closeTo(times.reduce((sum, time) => sum + time, 0) / times.length, 5_000, 200)
  })
})
