import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import { countCopies } from "./countCopies.ts"
import { SharedMap } from "../../src/internal/SharedMap.ts"

const sortedOf = (map: ReadonlyMap<string, number>): ReadonlyArray<readonly [string, number]> =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const numbered = (count: number): Map<string, number> =>
  new Map(Array.from({ length: count }, (_, i) => [`key ${i}`, i]))

const operation = Arbitrary.all([
  Arbitrary.schema(Schema.Literals(["set", "delete", "fork"])),
  Arbitrary.schema(Schema.Literals(Array.from({ length: 300 }, (_, i) => i))),
])

describe("a shared map", () => {
  it.prop(
    "behaves as a map, and a write does not change the map from which it was made",
    [Arbitrary.array(operation, { minLength: 300, maxLength: 600 })],
    ([operations]) => {
      let map = SharedMap.from<number>(new Map())
      let model = new Map<string, number>()
      const before: Array<readonly [SharedMap<number>, Map<string, number>]> = []
      for (const [what, i] of operations) {
        const key = `key ${i}`
        if (what === "fork" && i < 30) {
          before.push([map, model])
          map = SharedMap.from(map)
          model = new Map(model)
        } else if (what === "delete" && i < 60) assert.strictEqual(map.delete(key), model.delete(key))
        else {
          map.set(key, i)
          model.set(key, i)
        }
        assert.strictEqual(map.size, model.size)
        assert.strictEqual(map.get(key), model.get(key))
        assert.strictEqual(map.has(key), model.has(key))
      }
      for (const [each, its] of [...before, [map, model] as const]) {
        assert.deepStrictEqual(sortedOf(each), sortedOf(its))
        assert.deepStrictEqual([...each.keys()].sort(), [...its.keys()].sort())
        assert.deepStrictEqual([...each.values()].sort(), [...its.values()].sort())
      }
    },
    { arbitrary: { runs: 20 } },
  )

  it("keeps the insertion order of a few entries", () => {
    const map = SharedMap.from(numbered(100))
    assert.deepStrictEqual([...map], [...numbered(100)])
    const seen: Array<string> = []
    map.forEach((value, key) => seen.push(`${key}: ${value}`))
    assert.strictEqual(seen[99], "key 99: 99")
  })

  it("is equal to another shared map with the same entries, regardless of their order and origin", () => {
    for (const size of [100, 1_000]) {
      const map = SharedMap.from(numbered(size))
      const other = SharedMap.from(new Map([...numbered(size)].reverse()))
      assert.isTrue(Equal.equals(map, other))
      assert.strictEqual(Hash.hash(map), Hash.hash(other))
      assert.isTrue(Equal.equals(map, SharedMap.from(map)))
      const changed = SharedMap.from(map).set("key 7", -1)
      assert.isFalse(Equal.equals(map, changed))
      const smaller = SharedMap.from(map)
      smaller.delete("key 7")
      assert.isFalse(Equal.equals(map, smaller))
      assert.isFalse(Equal.equals(changed, smaller.set("key 8", -1)))
    }
  })

  it("copies a small part of its entries for a change of one", () => {
    const map = SharedMap.from(numbered(4_096))
    assert.isBelow(
      countCopies(() => SharedMap.from(map).set("key 7", -1)),
      200,
    )
    assert.strictEqual(map.get("key 7"), 7)
  })
})
