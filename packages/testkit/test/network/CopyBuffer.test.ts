import { assert, describe, it } from "@effect/vitest"
import { CopyBuffer, maxShared } from "../../src/network/CopyBuffer.ts"

const bytes = (size: number, first = 0): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (first + i) % 251)

describe("CopyBuffer", () => {
  it("copies the requested part", () => {
    const copies = new CopyBuffer()
    assert.deepStrictEqual(copies.copy(bytes(10), 0, 10), bytes(10))
    assert.deepStrictEqual(copies.copy(bytes(10), 3, 4), bytes(4, 3))
    assert.deepStrictEqual(copies.copy(bytes(5_000), 1_000, 3_000), bytes(3_000, 1_000))
  })

  it("makes copies that are independent of the original and of each other", () => {
    const copies = new CopyBuffer()
    const original = bytes(100)
    const [first, second] = [copies.copy(original, 0, 100), copies.copy(original, 0, 100)]
    original.fill(9)
    first.fill(7)
    assert.deepStrictEqual(second, bytes(100))
  })

  it("lets short copies share a buffer, and gives long copies their own buffer", () => {
    const copies = new CopyBuffer()
    const [first, second] = [copies.copy(bytes(10), 0, 10), copies.copy(bytes(10), 0, 10)]
    assert.strictEqual(first.buffer, second.buffer)
    const long = copies.copy(bytes(maxShared + 1), 0, maxShared + 1)
    assert.strictEqual(long.buffer.byteLength, maxShared + 1)
  })

  it("never overwrites an earlier copy", () => {
    const copies = new CopyBuffer()
    const all = Array.from({ length: 500 }, (_, i) => copies.copy(bytes(i * 4, i), 0, i * 4))
    for (const [i, copy] of all.entries()) assert.deepStrictEqual(copy, bytes(i * 4, i), String(i))
  })
})
