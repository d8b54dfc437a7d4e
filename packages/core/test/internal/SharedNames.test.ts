import { assert, describe, it } from "@effect/vitest"
import * as Equal from "effect/Equal"
import { SharedNames } from "../../src/internal/SharedNames.ts"
import * as Prng from "../../src/internal/prng.ts"

/** Returns the names at all positions. */
const listed = (names: SharedNames) => Array.from({ length: names.size }, (_, position) => names.at(position))

describe("names with positions", () => {
  it("are the names of a set after any additions and removals, each at one position", () => {
    let names = SharedNames.of()
    const expected = new Set<string>()
    let seed = 7
    for (let round = 0; round < 3_000; round++) {
      const [next, value] = Prng.next(seed)
      seed = next
      const name = `name ${Math.floor(value * 300)}`
      const before = names
      const kept = [...before]
      names = names.fork()
      if (expected.delete(name)) names.delete(name)
      else {
        expected.add(name)
        names.add(name)
      }
      assert.deepStrictEqual([...before], kept, "an earlier set is not changed")
      assert.strictEqual(names.size, expected.size)
      assert.strictEqual(names.has(name), expected.has(name))
    }
    assert.deepStrictEqual(listed(names), [...names])
    assert.deepStrictEqual([...names].sort(), [...expected].sort())
    assert.isUndefined(names.at(names.size))
  })

  it("are added and removed once, and change their position only to replace a removed name", () => {
    const names = SharedNames.of("a", "b", "c", "a")
    names.delete("a")
    names.delete("a")
    assert.deepStrictEqual(listed(names), ["c", "b"])
    names.delete("b")
    names.delete("c")
    assert.deepStrictEqual([...names], [])
  })

  it("are equal to the same names at other positions", () => {
    assert.isTrue(Equal.equals(SharedNames.of("a", "b"), SharedNames.of("b", "a")))
    assert.isFalse(Equal.equals(SharedNames.of("a", "b"), SharedNames.of("a", "c")))
  })
})
