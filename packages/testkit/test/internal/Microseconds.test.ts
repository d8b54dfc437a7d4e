import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Microseconds from "../../src/internal/Microseconds.ts"

describe("Microseconds", () => {
  it("are decoded as Effect decodes durations, and encoded in the largest exact unit", () => {
    const read = (text: string) => Schema.decodeUnknownSync(Microseconds.Microseconds)(text)
    const texts = ["0 seconds", "1 micros", "1500 micros", "20 millis", "1500 millis", "90 seconds", "-3 millis"]
    assert.deepStrictEqual(texts.map(read), [0, 1, 1_500, 20_000, 1_500_000, 90_000_000, -3_000])
    assert.strictEqual(read("2 hours"), 7_200_000_000)
    assert.deepStrictEqual([1, 1_500, 1_500_000, 2_000_000, -3_000, 0].map(Microseconds.format), [
      "1 micros",
      "1500 micros",
      "1500 millis",
      "2 seconds",
      "-3 millis",
      "0 seconds",
    ])
  })

  it.prop("are the same after encoding and decoding", [Microseconds.Microseconds], ([micros]) => {
    const text = Schema.encodeSync(Microseconds.Microseconds)(micros)
    assert.strictEqual(Schema.decodeUnknownSync(Microseconds.Microseconds)(text) + 0, micros + 0, text)
  })

  it("are formatted in a readable unit", () => {
    assert.deepStrictEqual([7, 1_500, 2_345_678].map(Microseconds.show), ["7 µs", "1.5 ms", "2.346 s"])
  })
})
