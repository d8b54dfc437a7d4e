import { assert, describe, it } from "@effect/vitest"
import { TokenBucket } from "../../src/internal/TokenBucket.ts"

describe("a token bucket", () => {
  it("starts full and provides no more tokens than it holds", () => {
    const bucket = new TokenBucket(10, 5, 0)
    for (let i = 0; i < 5; i++) assert.isTrue(bucket.take(0, 1))
    assert.isFalse(bucket.take(0, 1))
  })

  it("gains `rate` tokens a second, fractions included", () => {
    const bucket = new TokenBucket(10, 5, 1_000)
    assert.isTrue(bucket.take(1_000, 5))
    assert.isFalse(bucket.take(1_050, 1))
    assert.isTrue(bucket.take(1_100, 1))
    assert.isTrue(bucket.take(1_300, 2))
    assert.isFalse(bucket.take(1_300, 1))
  })

  it("never holds more than `burst` tokens", () => {
    const bucket = new TokenBucket(10, 5, 0)
    assert.isFalse(bucket.take(3_600_000, 6))
    assert.isTrue(bucket.take(3_600_000, 5))
    assert.isFalse(bucket.take(3_600_000, 1))
  })

  it("spends tokens that it gains later, and has a debt until then", () => {
    const bucket = new TokenBucket(10, 5, 0)
    bucket.spend(0, 5)
    assert.strictEqual(bucket.debt(0), 0)
    bucket.spend(0, 2)
    assert.strictEqual(bucket.debt(0), 200)
    assert.isFalse(bucket.take(200, 1))
    assert.strictEqual(bucket.debt(200), 0)
    assert.isTrue(bucket.take(300, 1))
  })

  it("takes all of `count` or nothing", () => {
    const bucket = new TokenBucket(10, 5, 0)
    assert.isFalse(bucket.take(0, 6))
    assert.isTrue(bucket.take(0, 5))
  })
})
