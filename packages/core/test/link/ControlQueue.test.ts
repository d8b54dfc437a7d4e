import { assert, describe, it } from "@effect/vitest"
import { ControlQueue } from "../../src/link/ControlQueue.ts"
import type { ControlFrame } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"

const recordOf = (i: number, metadataBytes: number): PeerRecord => ({
  name: `peer-${i}`,
  generation: 1,
  incarnation: 0,
  status: "alive",
  body: { addresses: [], metadata: { k: "x".repeat(metadataBytes) }, versionMin: 1, versionMax: 1, features: [] },
})

/** Returns an Update with this number of records of one kilobyte each. */
const update = (records: number): ControlFrame => ({
  _tag: "Update",
  records: Array.from({ length: records }, (_, i) => recordOf(i, 1_000)),
})

const ping: ControlFrame = { _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 }

const bytesOf = (frames: ReadonlyArray<ControlFrame>): number =>
  frames.reduce((sum, frame) => sum + FrameEncoder.encode(frame).length, 0)

const tagsOf = (frames: ReadonlyArray<ControlFrame>) => frames.map(({ _tag }) => _tag)

describe("a queue of control frames", () => {
  it("returns a long list in order and complete, in pieces of at most the requested bytes", () => {
    const queue = new ControlQueue({ frames: 1_000, bytes: 10_000_000 })
    queue.add(update(500))
    queue.add(ping)
    const pieces: Array<ReadonlyArray<ControlFrame>> = []
    while (queue.length > 0) pieces.push(queue.next(64 * 1024))
    assert.isAbove(pieces.length, 7)
    for (const piece of pieces) assert.isAtMost(bytesOf(piece), 64 * 1024)
    const all = pieces.flat()
    assert.deepStrictEqual(
      all.flatMap((frame) => (frame._tag === "Update" ? frame.records.map(({ name }) => name) : [])),
      Array.from({ length: 500 }, (_, i) => `peer-${i}`),
    )
    assert.strictEqual(all.at(-1)?._tag, "Ping")
    assert.strictEqual(queue.bytes, 0)
  })

  it("returns a frame that is larger than the requested bytes alone", () => {
    const queue = new ControlQueue({ frames: 1_000, bytes: 10_000_000 })
    queue.add(ping)
    queue.add(update(2))
    queue.add(ping)
    assert.deepStrictEqual(tagsOf(queue.next(100)), ["Ping"])
    assert.deepStrictEqual(tagsOf(queue.next(100)), ["Update"])
    assert.deepStrictEqual(tagsOf(queue.next(100)), ["Ping"])
  })

  it("holds at most its byte limit and one list of records, however many are added", () => {
    const queue = new ControlQueue({ frames: 1_000, bytes: 20_000 })
    const added = Array.from({ length: 16 }, () => queue.add(update(6)))
    assert.deepStrictEqual([...new Set(added)], ["added", "dropped"])
    assert.strictEqual(queue.add({ _tag: "SyncDelta", records: [], want: ["a"] }), "dropped")
    assert.strictEqual(queue.add({ _tag: "SyncDigest", entries: [], last: true }), "dropped")
    assert.isAtMost(bytesOf(queue.next(1_000_000)), 40_000)
    assert.strictEqual(queue.add(update(6)), "added")
  })

  it("accepts a list above its byte limit if nothing waits, and drops no frame that is not repeated", () => {
    const queue = new ControlQueue({ frames: 1_000, bytes: 20_000 })
    assert.strictEqual(queue.add(update(500)), "added")
    assert.strictEqual(queue.add(ping), "added")
    assert.strictEqual(queue.add({ _tag: "LaneOpen", lanes: [], last: true }), "added")
    assert.strictEqual(queue.add({ _tag: "Leave", generation: 1 }), "added")
  })

  it("is full at its maximum number of frames, without counting the pieces of the last frame", () => {
    const queue = new ControlQueue({ frames: 2, bytes: 20_000 })
    assert.strictEqual(queue.add(ping), "added")
    assert.strictEqual(queue.add(update(500)), "added")
    assert.strictEqual(queue.add(ping), "full")
  })
})
