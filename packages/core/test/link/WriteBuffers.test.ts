import { assert, it } from "@effect/vitest"
import { WriteBuffers } from "../../src/link/WriteBuffers.ts"

it("a returned buffer is used for the next write, and by one write at a time", () => {
  const buffers = new WriteBuffers(1_000)
  const first = buffers.take(900)
  const second = buffers.take(1_000)
  assert.notStrictEqual(second, first)
  buffers.give(first)
  assert.strictEqual(buffers.take(500), first)
  assert.notStrictEqual(buffers.take(500), second)
})

it("a write that is larger than a buffer has an array of its own, which is not kept", () => {
  const buffers = new WriteBuffers(1_000)
  const large = buffers.take(1_001)
  assert.isAtLeast(large.length, 1_001)
  buffers.give(large)
  assert.strictEqual(buffers.take(1_000).length, 1_000)
})

it("a small write takes little memory, however many buffers are in use", () => {
  const buffers = new WriteBuffers(100_000)
  assert.isBelow(buffers.take(100).length, 10_000)
  const large = buffers.take(100_000)
  buffers.give(large)
  assert.strictEqual(buffers.take(100), large)
})

it("a small buffer is used for the next small write, also if no write was ever large", () => {
  const buffers = new WriteBuffers(100_000)
  const first = buffers.take(100)
  const second = buffers.take(200)
  assert.notStrictEqual(second, first)
  buffers.give(first)
  assert.strictEqual(buffers.take(50), first)
  buffers.give(first)
  assert.isAtLeast(buffers.take(50_000).length, 50_000)
})

it("a few buffers are kept, however many links wrote at once", () => {
  for (const size of [1_000, 10]) {
    const buffers = new WriteBuffers(1_000)
    const out = new Set(Array.from({ length: 100 }, () => buffers.take(size)))
    for (const buffer of out) buffers.give(buffer)
    let kept = 0
    while (out.has(buffers.take(1))) kept++
    assert.isAbove(kept, 0)
    assert.isAtMost(kept, 8)
  }
})
