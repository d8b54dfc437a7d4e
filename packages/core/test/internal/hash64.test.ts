import { assert, describe, it, vi } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { Hash64 } from "../../src/internal/hash64.ts"

const hashOf = (add: (hash: Hash64) => void): bigint => {
  const hash = new Hash64()
  add(hash)
  return hash.digest()
}

/**
 * Returns FNV-1a with the finalizer of MurmurHash3 over plain bytes, as defined in docs/protocol.md, section "Hashes".
 */
const reference = (...bytes: ReadonlyArray<number>): bigint => {
  const mask = 2n ** 64n - 1n
  let h = bytes.reduce((state, byte) => ((state ^ BigInt(byte)) * 0x100000001b3n) & mask, 0xcbf29ce484222325n)
  h = ((h ^ (h >> 33n)) * 0xff51afd7ed558ccdn) & mask
  h = ((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n) & mask
  return h ^ (h >> 33n)
}

describe("the 64-bit hash", () => {
  it("is FNV-1a with the finalizer of MurmurHash3 over big-endian numbers and texts with their length", () => {
    assert.strictEqual(
      hashOf(() => {}),
      reference(),
    )
    assert.strictEqual(
      hashOf((hash) => hash.u32(0x0102_0304)),
      reference(1, 2, 3, 4),
    )
    assert.strictEqual(
      hashOf((hash) => hash.u32(0xffff_ffff)),
      reference(255, 255, 255, 255),
    )
    assert.strictEqual(
      hashOf((hash) => hash.u64(2 ** 40 + 5)),
      reference(0, 0, 1, 0, 0, 0, 0, 5),
    )
    assert.strictEqual(
      hashOf((hash) => hash.u64(Number.MAX_SAFE_INTEGER)),
      reference(0, 0x1f, 255, 255, 255, 255, 255, 255),
    )
    assert.strictEqual(
      hashOf((hash) => hash.text("é")),
      reference(0, 0, 0, 2, 0xc3, 0xa9),
    )
  })

  it.prop(
    "equals the reference for any text and any number",
    [Arbitrary.schema(Schema.String), Arbitrary.schema(Schema.Natural)],
    ([text, number]) => {
      const bytes = new TextEncoder().encode(text)
      const length = [bytes.length >>> 24, (bytes.length >>> 16) & 255, (bytes.length >>> 8) & 255, bytes.length & 255]
      const u32 = number >>> 0
      assert.strictEqual(
        hashOf((hash) => {
          hash.text(text)
          hash.u32(u32)
        }),
        reference(...length, ...bytes, u32 >>> 24, (u32 >>> 16) & 255, (u32 >>> 8) & 255, u32 & 255),
      )
    },
    { arbitrary: { runs: 500 } },
  )

  it("makes no BigInt for each byte", () => {
    const bigint = vi.spyOn(globalThis, "BigInt")
    try {
      hashOf((hash) => hash.text("x".repeat(8_192)))
      assert.isBelow(bigint.mock.calls.length, 10)
    } finally {
      bigint.mockRestore()
    }
  })

  it("differs for different lists of fields with the same bytes", () => {
    const lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"]]
    const hashes = lists.map((texts) => hashOf((hash) => texts.forEach((each) => hash.text(each))))
    assert.strictEqual(new Set(hashes).size, lists.length)
  })

  it("differs in about half of its bits for a change of one bit", () => {
    for (let bit = 0; bit < 32; bit++) {
      const difference = hashOf((hash) => hash.u32(0)) ^ hashOf((hash) => hash.u32((1 << bit) >>> 0))
      const ones = [...difference.toString(2)].filter((digit) => digit === "1").length
      assert.isTrue(ones > 12 && ones < 52, `bit ${bit}: ${ones} of 64`)
    }
  })
})
