import { assert, describe, it } from "@effect/vitest"
import { noBytes, Segment } from "../../src/network/Segment.ts"

describe("Segment", () => {
  it("has its bytes and its number, and no losses", () => {
    const bytes = new Uint8Array([1, 2])
    const segment = new Segment("bytes", bytes, 7)
    assert.deepStrictEqual([segment.kind, segment.bytes, segment.id], ["bytes", bytes, 7])
    assert.deepStrictEqual([segment.losses, segment.retry, segment.next], [0, undefined, undefined])
  })

  it("has no length without data", () => {
    assert.strictEqual(new Segment("reset", noBytes, 0).bytes.length, 0)
  })
})
