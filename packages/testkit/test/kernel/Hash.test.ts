import { assert, describe, it } from "@effect/vitest"
import { Hash } from "../../src/kernel/Hash.ts"

const of = (fold: (hash: Hash) => void): string => {
  const hash = new Hash()
  fold(hash)
  return hash.digest()
}

describe("Hash", () => {
  it("has 16 hexadecimal digits, and is the same for the same values in the same order", () => {
    const fold = (hash: Hash): void => {
      hash.add(5)
      hash.text("a")
      hash.bytes(new Uint8Array([1, 2]))
    }
    assert.match(of(fold), /^[0-9a-f]{16}$/)
    assert.strictEqual(of(fold), of(fold))
  })

  it("depends on the order", () => {
    const both = (a: number, b: number) =>
      of((hash) => {
        hash.add(a)
        hash.add(b)
      })
    assert.notStrictEqual(both(1, 2), both(2, 1))
  })

  it("distinguishes numbers beyond 32 bits, and negative numbers", () => {
    const values = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, 2 ** 40, -(2 ** 40)]
    assert.strictEqual(new Set(values.map((value) => of((hash) => hash.add(value)))).size, values.length)
  })

  it("distinguishes texts and bytes that are split at other places", () => {
    const texts = (...parts: ReadonlyArray<string>) => of((hash) => parts.forEach((part) => hash.text(part)))
    assert.notStrictEqual(texts("ab", "c"), texts("a", "bc"))
    const chunks = (...parts: ReadonlyArray<ReadonlyArray<number>>) =>
      of((hash) => parts.forEach((part) => hash.bytes(new Uint8Array(part))))
    assert.notStrictEqual(chunks([1, 2], [3]), chunks([1], [2, 3]))
  })

  it("has no collision among many short histories", () => {
    const digests = new Set<string>()
    for (let i = 0; i < 20_000; i++) digests.add(of((hash) => hash.add(i)))
    assert.strictEqual(digests.size, 20_000)
  })
})
