import { assert, describe, it } from "@effect/vitest"
import { maxFragmentBytes, traceBytes } from "../../src/protocol/constants.ts"
import { Chunk } from "../../src/wire/Chunk.ts"
import { decodeData, maxDataBytes } from "../../src/wire/decodeData.ts"
import { flags } from "../../src/wire/Layout.ts"

/** Decodes a body of lane 258 with these flags and these further bytes. */
const decode = (bits: number, ...rest: ReadonlyArray<number>) => {
  const body = Uint8Array.of(1, 2, bits, ...rest)
  return decodeData(new Chunk(body), 0, body.length)
}

/** Decodes a body with a payload of this size that is not in the chunk. */
const decodeCut = (size: number) =>
  decodeData(
    new Chunk(Uint8Array.of(1, 2, flags.first | flags.last)),
    0,
    3 + size,
    (_head, _total, bytes) => new Uint8Array(bytes),
  )

const { abort, confirm, first, last, trace } = flags

describe("a body of Data", () => {
  it("of a whole message has a lane and a payload", () => {
    const payload = Uint8Array.of(8, 9)
    assert.deepStrictEqual(decode(first | last, 8, 9), {
      _tag: "Data",
      lane: 258,
      first: true,
      last: true,
      abort: false,
      payload,
    })
  })

  it("has the total, the confirmation and the trace in this order", () => {
    const bytes = Array.from({ length: traceBytes }, (_, i) => i)
    const frame = decode(first | confirm | trace, 0, 0, 0, 5, 0, 0, 0, 6, ...bytes, 9)
    assert.deepInclude(frame, { total: 5, confirm: 6, trace: Uint8Array.from(bytes), payload: Uint8Array.of(9) })
  })

  for (const [title, bits, rest] of [
    ["reserved flags", 32, []],
    ["abort and a payload", abort, [1]],
    ["abort and another flag", abort | last, []],
    ["a confirmation on a later fragment", last | confirm, [0, 0, 0, 1]],
    ["a trace on a later fragment", trace, Array.from({ length: traceBytes }, () => 0)],
    ["an end within the total", first, [0, 0, 0]],
    ["a total that does not exceed its payload", first, [0, 0, 0, 2, 8, 9]],
  ] as ReadonlyArray<readonly [string, number, ReadonlyArray<number>]>) {
    it(`with ${title} is malformed`, () => {
      assert.deepInclude(decode(bits, ...rest), { _tag: "ProtocolViolation", code: "malformed" })
    })
  }

  it("has a payload of at most the largest fragment", () => {
    assert.deepInclude(decodeCut(maxFragmentBytes), { _tag: "Data" })
    assert.deepInclude(decodeCut(maxFragmentBytes + 1), { _tag: "ProtocolViolation", code: "oversize" })
    assert.strictEqual(maxDataBytes, 3 + 4 + 4 + traceBytes + maxFragmentBytes)
  })

  it("that extends beyond the chunk gets an array for the remaining payload", () => {
    const frame = decodeCut(7)
    assert.isTrue(frame._tag === "Data" && frame.payload.length === 7)
  })
})
