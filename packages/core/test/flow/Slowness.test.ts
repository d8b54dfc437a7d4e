import { assert, describe, it } from "@effect/vitest"
import { Slowness } from "../../src/flow/Slowness.ts"

describe("slowness", () => {
  it("is reported once, until the peer makes progress", () => {
    const slowness = new Slowness()
    assert.isFalse(slowness.isSlow)
    assert.isTrue(slowness.mark())
    assert.isFalse(slowness.mark())
    assert.isTrue(slowness.isSlow)
    slowness.clear()
    assert.isFalse(slowness.isSlow)
    assert.isTrue(slowness.mark())
  })

  it("counts the accepted frames", () => {
    const slowness = new Slowness()
    const before = slowness.progress
    slowness.advance()
    assert.strictEqual(slowness.progress, before + 1)
  })
})
