import { assert, describe, it } from "@effect/vitest"
import { colourClassOf, tailOf } from "../../../../src/picture/viewer/diagram/icons.ts"

describe("the look of a kind of messages", () => {
  it("repeats colours with dashed lines", () => {
    assert.strictEqual(colourClassOf("Vote", 3), "k3")
    assert.strictEqual(colourClassOf("Vote", 11), "k3 more")
    assert.strictEqual(colourClassOf("", 3), "bytes")
  })

  it("has a shape in addition to its colour", () => {
    assert.strictEqual(new Set(Array.from({ length: 8 }, (_, slot) => tailOf(slot))).size, 8)
    assert.strictEqual(tailOf(9), tailOf(1))
  })
})
