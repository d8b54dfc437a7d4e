import { assert, describe, it } from "@effect/vitest"
import { cost } from "../../src/flow/cost.ts"
import type { LaneFrames } from "../../src/flow/WriteQueue.ts"
import { WriteQueue } from "../../src/flow/WriteQueue.ts"
import type { Data } from "../../src/protocol/Frame.ts"

const frame = (lane: number, bytes: number): Data => ({
  _tag: "Data",
  lane,
  first: true,
  last: true,
  abort: false,
  payload: new Uint8Array(bytes),
})

const make = (limit = 1_000_000) => {
  let wakes = 0
  const queue = new WriteQueue({ limit, wake: () => wakes++ })
  const lanes = [1, 2, 3].map((): LaneFrames => ({ frames: [] }))
  const push = (lane: number, bytes = 0): void => {
    const frames = lanes[lane - 1]
    if (frames === undefined) return assert.fail()
    queue.push(frames, frame(lane, bytes))
  }
  return { queue, lanes, push, wakes: () => wakes }
}

const lanesOf = (frames: ReadonlyArray<Data>) => frames.map(({ lane }) => lane)

describe("a write queue", () => {
  it("takes one frame of each lane in turn, and all frames of a single lane", () => {
    const { push, queue } = make()
    for (const lane of [1, 1, 1, 1, 2, 2, 3]) push(lane)
    assert.deepStrictEqual(lanesOf(queue.next(1_000_000)), [1, 2, 3, 1, 2, 1, 1])
    assert.deepStrictEqual(queue.next(1_000_000), [])
  })

  it("continues in the next write with the lane whose turn it is", () => {
    const { push, queue } = make()
    for (const lane of [1, 1, 2, 2]) push(lane)
    assert.deepStrictEqual(lanesOf(queue.next(1)), [1])
    assert.deepStrictEqual(lanesOf(queue.next(1)), [2])
    assert.deepStrictEqual(lanesOf(queue.next(1)), [1])
  })

  it("ends a write with the frame that reaches the size", () => {
    const { push, queue } = make()
    for (let i = 0; i < 10; i++) push(1, 100)
    assert.strictEqual(queue.next(2 * cost(100)).length, 2)
    assert.strictEqual(queue.next(2 * cost(100) + 1).length, 3)
  })

  it("wakes the writer once for each lane that gets a frame to write", () => {
    const { push, queue, wakes } = make()
    push(1)
    push(1)
    assert.strictEqual(wakes(), 1)
    push(2)
    assert.strictEqual(wakes(), 2)
    queue.next(1_000_000)
    push(1)
    assert.strictEqual(wakes(), 3)
  })

  it("counts frames in flight until they are written", () => {
    const { push, queue } = make(cost(100) + 1)
    push(1, 100)
    assert.isTrue(queue.hasRoom())
    push(1, 100)
    assert.isFalse(queue.hasRoom())
    queue.next(1)
    assert.strictEqual(queue.size(), 2 * cost(100))
    queue.written()
    assert.strictEqual(queue.size(), cost(100))
    assert.isTrue(queue.hasRoom())
  })

  it("drops the frames of one lane, and does not count them any more", () => {
    const { lanes, push, queue } = make()
    for (const lane of [1, 1, 2]) push(lane, 10)
    const [first] = lanes
    if (first === undefined) return assert.fail()
    queue.drop(first)
    assert.strictEqual(queue.size(), cost(10))
    assert.deepStrictEqual(lanesOf(queue.next(1_000_000)), [2])
  })

  it("has no frame to write after it is cleared", () => {
    const { push, queue } = make()
    push(1)
    push(2)
    queue.clear()
    assert.deepStrictEqual(queue.next(1_000_000), [])
  })
})
