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

  it("has the time of the waits in vain since the peer gave credit, or made progress", () => {
    const slowness = new Slowness()
    slowness.addWait(0, 100)
    slowness.addWait(50, 150)
    assert.strictEqual(slowness.waited, 150)
    slowness.clear()
    assert.deepStrictEqual([slowness.waited, slowness.grants], [0, 0])
    slowness.addWait(200, 250)
    slowness.grant()
    assert.deepStrictEqual([slowness.waited, slowness.grants], [0, 1])
  })

  it("counts the accepted frames", () => {
    const slowness = new Slowness()
    const before = slowness.progress
    slowness.advance()
    assert.strictEqual(slowness.progress, before + 1)
  })
})
