import { assert, describe, it } from "@effect/vitest"
import { TokenBucket } from "../../src/internal/TokenBucket.ts"
import * as Limits from "../../src/Limits.ts"
import { controlCost } from "../../src/link/controlCost.ts"
import type { ControlFrame } from "../../src/protocol/Frame.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameSplitter from "../../src/wire/FrameSplitter.ts"
import { bodyOf, recordOf } from "../protocol/records.ts"

/** Returns a name as long as a default node name. */
const nameOf = (i: number): string => i.toString(16).padStart(32, "n")

const recordsOf = (count: number, metadata = {}) =>
  Array.from({ length: count }, (_, i) => recordOf(nameOf(i), { body: bodyOf(nameOf(i), metadata) }))

const entriesOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: nameOf(i),
    generation: 1,
    incarnation: 0,
    status: "alive" as const,
  }))

/** Returns the cost of the frames into which this library splits a long frame. */
const costOf = (frame: ControlFrame): number =>
  FrameSplitter.split(frame).reduce((sum, each) => sum + controlCost(each, FrameEncoder.encode(each).length), 0)

describe("the cost of a control frame", () => {
  it("is one, and one more for every 32 entries and for every 8 KiB", () => {
    assert.strictEqual(controlCost({ _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 }, 19), 1)
    assert.strictEqual(controlCost({ _tag: "Update", records: recordsOf(31) }, 8_191), 1)
    assert.strictEqual(controlCost({ _tag: "Update", records: recordsOf(32) }, 8_192), 3)
    assert.strictEqual(controlCost({ _tag: "SyncDigest", entries: entriesOf(64), last: true }, 100), 3)
    assert.strictEqual(
      controlCost({ _tag: "SyncDelta", records: recordsOf(16), want: ["a", ..."b".repeat(15)] }, 100),
      2,
    )
    const lanes = Array.from({ length: 32 }, (_, i) => ({ lane: i + 1, name: `${i}`, window: 1_024 }))
    assert.strictEqual(controlCost({ _tag: "LaneOpen", lanes, last: true }, 100), 2)
  })
})

describe("a correct peer of a cluster of a thousand stays within the limits", () => {
  const { controlBurst, controlRate } = Limits.defaults
  const digest = costOf({ _tag: "SyncDigest", entries: entriesOf(1_001), last: true })
  const answer = costOf({ _tag: "SyncDelta", records: recordsOf(1_001), want: [] })

  it("when it answers a newcomer with all records, each with metadata of the maximum size", () => {
    const metadata = { k: "x".repeat(8_191) }
    const all = costOf({ _tag: "SyncDelta", records: recordsOf(1_001, metadata), want: [] })
    assert.isBelow(all + digest, controlBurst)
  })

  it("when views differ for a minute, and it compares them, answers in full and sends news at the maximum rate", () => {
    const bucket = new TokenBucket(controlRate, controlBurst, 0)
    const news = costOf({ _tag: "Update", records: recordsOf(20) })
    for (let now = 0; now < 60_000; now += 10) {
      if (now % 250 === 0) assert.isTrue(bucket.take(now, digest + answer))
      if (now % 20 === 0) assert.isTrue(bucket.take(now, news))
      if (now % 1_000 === 0) assert.isTrue(bucket.take(now, 1))
    }
  })

  it("in a cluster of four thousand too, when it compares views at the maximum rate", () => {
    const bucket = new TokenBucket(controlRate, controlBurst, 0)
    const four = costOf({ _tag: "SyncDigest", entries: entriesOf(4_096), last: true })
    for (let now = 0; now < 60_000; now += 250) assert.isTrue(bucket.take(now, four))
  })
})
