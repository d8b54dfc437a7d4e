import { assert, it } from "@effect/vitest"
import { TokenBucket } from "../../src/internal/TokenBucket.ts"

it("a bucket allows a burst, and then no more than its rate", () => {
  const bucket = new TokenBucket(10, 5, 1_000)
  assert.isTrue(bucket.take(1_000, 5))
  assert.isFalse(bucket.take(1_000, 1))
  assert.isFalse(bucket.take(1_050, 1))
  assert.isTrue(bucket.take(1_100, 1))
  assert.isFalse(bucket.take(1_100, 1))
})

it("a bucket that rests holds no more than its burst", () => {
  const bucket = new TokenBucket(10, 5, 0)
  assert.isFalse(bucket.take(1_000_000, 6))
  assert.isTrue(bucket.take(1_000_000, 5))
})

it("tokens that are refused are not taken", () => {
  const bucket = new TokenBucket(1, 3, 0)
  assert.isFalse(bucket.take(0, 4))
  assert.isTrue(bucket.take(0, 3))
})
