import { assert, describe, it } from "@effect/vitest"
import { Slowness } from "../../src/flow/Slowness.ts"

describe("slowness", () => {
  it("is news once, until the peer goes on", () => {
    const slowness = new Slowness()
    assert.isFalse(slowness.isSlow)
    assert.isTrue(slowness.mark())
    assert.isFalse(slowness.mark())
    assert.isTrue(slowness.isSlow)
    slowness.clear()
    assert.isFalse(slowness.isSlow)
    assert.isTrue(slowness.mark())
  })

  it("counts what was accepted", () => {
    const slowness = new Slowness()
    const before = slowness.progress
    slowness.advance()
    assert.strictEqual(slowness.progress, before + 1)
  })
})
