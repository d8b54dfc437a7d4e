import { FailedAttempts } from "../../../src/internal/http/FailedAttempts.ts"
import { assert, describe, it } from "@effect/vitest"

describe("wrong tokens", () => {
  it("of one address are limited to ten in a minute, and allowed again after it", () => {
    const failed = new FailedAttempts()
    for (let i = 0; i < 10; i++) assert.isUndefined(failed.fail("a", 1_000 * i))
    assert.strictEqual(failed.fail("a", 10_000), 50)
    assert.strictEqual(failed.fail("a", 59_999), 1)
    assert.isUndefined(failed.fail("b", 59_999))
    assert.isUndefined(failed.fail("a", 60_000))
  })

  it("are remembered for 1,024 addresses, of which the one that failed last the longest time ago is dropped", () => {
    const failed = new FailedAttempts()
    for (let i = 0; i < 10; i++) failed.fail("old", 0)
    for (let i = 0; i < 10; i++) failed.fail("busy", 1)
    for (let i = 0; i < 1_022; i++) failed.fail(`${i}`, 2)
    assert.isDefined(failed.fail("busy", 3))
    failed.fail("one more", 4)
    assert.isUndefined(failed.fail("old", 5))
    assert.isDefined(failed.fail("busy", 6))
  })
})
