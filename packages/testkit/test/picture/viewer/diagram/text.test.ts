import { assert, describe, it } from "@effect/vitest"
import { clip, clipMiddle, lettersOf, px } from "../../../../src/picture/viewer/diagram/text.ts"

describe("clip", () => {
  it("keeps a text that fits in one line", () => {
    assert.strictEqual(clip("one\n two", 7), "one two")
  })

  it("shortens a text at its end, and omits a text without room for letters", () => {
    assert.strictEqual(clip("heartbeat", 6), "heart…")
    assert.strictEqual(clip("a heartbeat", 3), "a…")
    assert.strictEqual(clip("heartbeat", 2), "")
  })
})

describe("clipMiddle", () => {
  it("keeps both ends of a name", () => {
    assert.strictEqual(clipMiddle("node-1", 6), "node-1")
    assert.strictEqual(clipMiddle("node-europe-1", 7), "nod…e-1")
    assert.strictEqual(clipMiddle("node", 1), "n…e")
  })
})

describe("lettersOf", () => {
  it("counts the letters of all parts", () => {
    assert.strictEqual(lettersOf("abc"), 3)
    assert.strictEqual(
      lettersOf([
        ["kind", "abc"],
        ["text", " d"],
      ]),
      5,
    )
  })
})

describe("px", () => {
  it("keeps tenths of a pixel", () => {
    assert.deepStrictEqual([1, 1.04, 1.05, -0.26].map(px), ["1", "1", "1.1", "-0.3"])
  })
})
