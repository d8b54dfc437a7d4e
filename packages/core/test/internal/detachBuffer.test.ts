import { assert, it } from "@effect/vitest"
import { detachBuffer } from "../../src/internal/detachBuffer.ts"

it("the memory of an array that fills its buffer is released", () => {
  const bytes = new Uint8Array(64 * 1024)
  detachBuffer(bytes)
  assert.strictEqual(bytes.length, 0)
})

it("the memory of an array that is a part of a larger buffer is kept", () => {
  const all = new Uint8Array(64 * 1024 + 1)
  detachBuffer(all.subarray(1))
  detachBuffer(all.subarray(0, 64 * 1024))
  assert.strictEqual(all.length, 64 * 1024 + 1)
})

it("memory shared with other threads is kept", () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(64 * 1024))
  detachBuffer(bytes)
  assert.strictEqual(bytes.length, 64 * 1024)
})
