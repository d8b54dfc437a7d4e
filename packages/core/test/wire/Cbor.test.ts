import { describe, expect, it } from "@effect/vitest"
import { rfc8949EncodeOptions, encode as referenceEncode } from "cborg"
import * as Cbor from "../../src/wire/Cbor.ts"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import * as Arbitraries from "./arbitraries.ts"
import { fromHex, toHex } from "./support.ts"

describe("CBOR", () => {
  it("keeps a byte order mark, because it belongs to the text", () => {
    const body = referenceEncode({ records: [], want: ["\ufeffa"] })
    expect(Cbor.decode(body)).toStrictEqual({ records: [], want: ["\ufeffa"] })
    const delta = FrameTable.bodyOf("SyncDelta")
    expect(delta.body === "cbor" && delta.read(body)).toMatchObject({ want: ["\ufeffa"] })
  })

  it("refuses text that is not UTF-8, however short or long", () => {
    for (const bytes of ["61ff", "62c0af", "63eda080", "64f4908080", "7820" + "ff".repeat(32), "62c3", "61e4"]) {
      expect(() => Cbor.decode(fromHex(bytes))).toThrow()
    }
  })

  it("accepts exactly the texts of a strict decoder, and returns them unchanged", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    const pieces = ["61", "7f", "c3a9", "e282ac", "f09f9880", "efbbbf", "efbfbd", "ff", "c3", "e282", "eda080", "80"]
    for (const a of pieces) {
      for (const b of pieces) {
        for (const filler of ["", "61".repeat(31)]) {
          const content = fromHex(a + filler + b)
          const text = Uint8Array.of(0x78, content.length, ...content)
          const body = content.length < 24 ? Uint8Array.of(0x60 + content.length, ...content) : text
          let expected: string | undefined
          try {
            expected = strict.decode(content)
          } catch {
            expect(() => Cbor.decode(body)).toThrow()
            continue
          }
          expect(Cbor.decode(body)).toBe(expected)
        }
      }
    }
  })

  it("allows eight levels and refuses nine, in any mixture", () => {
    expect(Cbor.decode(fromHex("81".repeat(7) + "80"))).toBeDefined()
    expect(() => Cbor.decode(fromHex("81".repeat(8) + "80"))).toThrow(/deeper/)
    expect(Cbor.decode(fromHex("a16161".repeat(7) + "a0"))).toBeDefined()
    expect(() => Cbor.decode(fromHex("a16161".repeat(8) + "a0"))).toThrow(/deeper/)
    // Siblings do not add depth.
    expect(Cbor.decode(fromHex("88" + "80".repeat(8)))).toHaveLength(8)
    expect(Cbor.decode(fromHex("82" + "81".repeat(6) + "80" + "81".repeat(6) + "80"))).toHaveLength(2)
  })

  it.prop(
    "is written like the deterministic form of the reference",
    [Arbitraries.record],
    ([record]) => {
      const value = {
        ...record,
        more: { "\uffff": 1, "😀": 2, "": 3, aaaaaaaaaaaaaaaaaaaaaaaaaa: 4, b: 5, é: 6, zz: 7 },
      }
      expect(toHex(Cbor.encode(value))).toBe(toHex(referenceEncode(value, rfc8949EncodeOptions)))
    },
    { arbitrary: { runs: 50 } },
  )

  it("refuses counts that exceed the remaining bytes, before it reads the items", () => {
    for (const head of ["9a00ffffff", "9affffffff", "9b001fffffffffffff", "ba00ffffff", "bb000fffffffffffff"]) {
      expect(() => Cbor.decode(fromHex(head))).toThrow(/more items/)
    }
    for (const head of ["7a7fffffff", "7b001fffffffffffff", "5a7fffffff"]) {
      expect(() => Cbor.decode(fromHex(head))).toThrow(/not enough data/i)
    }
  })

  it.prop(
    "decodes its own encoding",
    [Arbitraries.record],
    ([record]) => {
      const value = { ...record, body: { ...record.body } }
      expect(Cbor.decode(Cbor.encode(value))).toStrictEqual(value)
    },
    { arbitrary: { runs: 50 } },
  )

  const refused: ReadonlyArray<readonly [string, string]> = [
    ["an integer that is not in its shortest form", "1801"],
    ["a length that is not in its shortest form", "780161"],
    ["an array of indefinite length", "9f01ff"],
    ["a map of indefinite length", "bf616101ff"],
    ["a text of indefinite length", "7f6161ff"],
    ["a float", "f93c00"],
    ["a tag", "c100"],
    ["undefined", "f7"],
    ["an integer beyond 2^53", "1b0020000000000000"],
    ["a key that occurs twice", "a2616101616102"],
    ["a key that is not text", "a10102"],
    ["bytes after the value", "0101"],
    ["no bytes at all", ""],
    ["a truncated value", "8201"],
  ]
  for (const [what, hex] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => Cbor.decode(fromHex(hex))).toThrow()
    })
  }

  it("makes __proto__ an own key of a map", () => {
    const value = Cbor.decode(fromHex("a1" + "695f5f70726f746f5f5f" + "01")) as object
    expect(Object.keys(value)).toStrictEqual(["__proto__"])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it("omits keys whose value is undefined", () => {
    expect(toHex(Cbor.encode({ a: undefined, b: 1 }))).toBe("a1616201")
  })
})
