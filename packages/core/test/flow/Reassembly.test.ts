import { assert, it } from "@effect/vitest"
import { Reassembly } from "../../src/flow/Reassembly.ts"

const make = (total: number) => new Reassembly({ total, detachBuffers: true })

const fragment = (size: number, value: number) => new Uint8Array(size).fill(value)

it("a message has the fragments in order, whether they were copied or written in place", () => {
  const memory = make(70_000)
  memory.place(30_000, 40_000).fill(1)
  memory.append(memory.place(30_000, 40_000), 40_000)
  memory.append(fragment(20_000, 2), 50_000)
  const last = memory.place(20_000, 70_000)
  last.fill(3)
  memory.append(last, 70_000)
  const message = memory.complete()
  assert.strictEqual(message.length, 70_000)
  assert.strictEqual(message.byteLength, message.buffer.byteLength)
  assert.isTrue(message.every((byte, i) => byte === (i < 30_000 ? 1 : i < 50_000 ? 2 : 3)))
})

it("fragments in the memory of a message are not copied while the memory has room", () => {
  const memory = make(60_000)
  const first = memory.place(30_000, 60_000)
  memory.append(first, 60_000)
  memory.append(memory.place(30_000, 60_000), 60_000)
  assert.strictEqual(memory.complete().buffer, first.buffer)
})

it("the memory grows for the next fragment and as far as there is room, and never beyond the message", () => {
  const memory = make(100_000)
  const capacity = () => memory.place(0, 0).buffer.byteLength
  memory.append(fragment(1_000, 1), 0)
  assert.strictEqual(capacity(), 1_000)
  memory.append(fragment(1_000, 1), 10_000)
  assert.strictEqual(capacity(), 10_000)
  memory.append(fragment(20_000, 1), 1_000_000)
  assert.strictEqual(capacity(), 100_000)
})

it("memory that was replaced and fragments that were copied are freed, unless that is turned off", () => {
  for (const detachBuffers of [true, false]) {
    const memory = new Reassembly({ total: 100_000, detachBuffers })
    const copied = fragment(20_000, 1)
    memory.append(copied, 0)
    const replaced = memory.place(0, 0)
    memory.append(fragment(20_000, 1), 0)
    assert.strictEqual(copied.length === 0, detachBuffers)
    assert.strictEqual(replaced.buffer.byteLength === 0, detachBuffers)
  }
})
