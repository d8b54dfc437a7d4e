import { assert, describe, it } from "@effect/vitest"
import { formatCount, formatDuration, formatSize, formatTime } from "../../src/picture/format.ts"

describe("formats", () => {
  it("round times to about three digits", () => {
    assert.deepStrictEqual(
      [0, 999, 1_000, 3_249, 12_345, 999_499, 1_500_000, 83_200_000, 200_000_000].map(formatDuration),
      ["0 µs", "999 µs", "1 ms", "3.25 ms", "12.3 ms", "999 ms", "1.5 s", "83.2 s", "3.33 min"],
    )
    assert.strictEqual(formatTime(12_345_678), "12.345678 s")
  })

  it("use the singular for one thing only", () => {
    assert.deepStrictEqual(
      [formatCount(1, "node"), formatCount(0, "node"), formatCount(1_200, "event")],
      ["1 node", "0 nodes", "1,200 events"],
    )
    assert.deepStrictEqual([formatSize(1), formatSize(9_999), formatSize(12_345)], ["1 byte", "9,999 bytes", "12.3 kB"])
  })
})
