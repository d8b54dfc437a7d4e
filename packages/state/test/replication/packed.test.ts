import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { isSame, maxTextBytes, pack, unpack, unpackInto } from "../../src/internal/replication/packed.ts"

const byte = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
const some = Arbitrary.map(Arbitrary.array(byte, { maxLength: 40 }), (list) => Uint8Array.from(list))
/** Lengths on both sides of the bound, with all bytes that there are. */
const lengths = [0, 1, 256, maxTextBytes, maxTextBytes + 1, 5_000]
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i)

describe("packed bytes", () => {
  it.prop("are the bytes", [some, some], ([bytes, others]) => {
    const packed = pack(bytes)
    assert.deepStrictEqual(unpack(packed), bytes)
    assert.isTrue(isSame(packed, bytes))
    assert.strictEqual(isSame(packed, others), Buffer.compare(bytes, others) === 0)
  })

  for (const length of lengths) {
    it(`of ${length} bytes are the bytes, and are written as these`, () => {
      const bytes = bytesOf(length)
      const packed = pack(bytes)
      assert.deepStrictEqual(unpack(packed), bytes)
      assert.isTrue(isSame(packed, bytes))
      if (length > 0) assert.isFalse(isSame(packed, bytes.with(length - 1, (length + 1) % 256)))
      const buffer = new Uint8Array(length + 2)
      unpackInto(packed, buffer, 1)
      assert.deepStrictEqual(buffer, Uint8Array.of(0, ...bytes, 0))
    })
  }

  it("keep no memory beyond them", () => {
    const buffer = new Uint8Array(100_000)
    const packed = pack(buffer.subarray(10, 10 + maxTextBytes + 1))
    assert.strictEqual(typeof packed === "string" ? 0 : packed.buffer.byteLength, maxTextBytes + 1)
    assert.strictEqual(typeof pack(buffer.subarray(0, maxTextBytes)), "string")
  })
})
