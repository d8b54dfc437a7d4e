import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type * as Frame from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { maxChunkBytes, recordBytes } from "../../src/protocol/recordSize.ts"
import * as Cbor from "../../src/wire/Cbor.ts"
import * as FrameSplitter from "../../src/wire/FrameSplitter.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { frameOf, record, tags } from "./arbitraries.ts"
import { decode } from "./support.ts"

const recordOf = (i: number, metadataBytes: number): PeerRecord => ({
  name: `peer-${i}`,
  generation: Number.MAX_SAFE_INTEGER,
  incarnation: 0xffff_ffff,
  status: "suspect",
  body: { addresses: [], metadata: { k: "é".repeat(metadataBytes / 2) }, versionMin: 1, versionMax: 1, features: [] },
})

/** Splits a frame, and returns the frames that the receiver decodes. */
const sendSplit = (frame: Frame.ControlFrame): ReadonlyArray<Frame.Frame> => {
  const chunks = FrameSplitter.split(frame)
  const frames = decode(chunks.map(FrameEncoder.encode)).frames
  expect(frames).toStrictEqual(chunks)
  return frames
}

describe("a frame beyond the limits of one frame", () => {
  it("splits the records of an Update, in order", () => {
    const records = Array.from({ length: 100 }, (_, i) => recordOf(i, 8000))
    const frames = sendSplit({ _tag: "Update", records })
    expect(frames.length).toBeGreaterThan(10)
    expect(frames.flatMap((frame) => (frame._tag === "Update" ? frame.records : []))).toStrictEqual(records)
  })

  it("returns an Update within the limits as it is", () => {
    const update: Frame.Update = { _tag: "Update", records: [recordOf(1, 8)] }
    expect(FrameSplitter.split(update)[0]).toBe(update)
    expect(FrameSplitter.split(update)).toHaveLength(1)
  })

  it("splits an Update by the number of records too", () => {
    const records = Array.from({ length: 3000 }, (_, i) => ({ ...recordOf(i, 0), name: "a" }))
    for (const frame of sendSplit({ _tag: "Update", records })) {
      expect(frame._tag === "Update" && frame.records.length).toBeLessThanOrEqual(1024)
    }
  })

  it("splits the entries of a SyncDigest, and marks only the last frame as last", () => {
    const entries = Array.from({ length: 9000 }, (_value, i) => {
      const { body: _, ...key } = recordOf(i, 0)
      return key
    })
    const frames = sendSplit({ _tag: "SyncDigest", entries, last: true })
    expect(frames.length).toBeGreaterThan(2)
    expect(frames.map((frame) => frame._tag === "SyncDigest" && frame.last)).toStrictEqual(
      frames.map((_, i) => i === frames.length - 1),
    )
    expect(frames.flatMap((frame) => (frame._tag === "SyncDigest" ? frame.entries : []))).toStrictEqual(entries)
  })

  it("splits the records and the requested names of a SyncDelta", () => {
    const records = Array.from({ length: 20 }, (_, i) => recordOf(i, 8000))
    const want = Array.from({ length: 5000 }, (_, i) => `name-${i}`)
    const frames = sendSplit({ _tag: "SyncDelta", records, want })
    expect(frames.flatMap((frame) => (frame._tag === "SyncDelta" ? frame.records : []))).toStrictEqual(records)
    expect(frames.flatMap((frame) => (frame._tag === "SyncDelta" ? frame.want : []))).toStrictEqual(want)
  })

  it("splits the lanes of a LaneOpen, and marks only the last frame as last", () => {
    // The longest names and formats, with characters of the most bytes, and the shortest.
    for (const letter of ["中", "a"]) {
      const lanes = Array.from({ length: 4096 }, (_, i) => ({
        lane: i + 1,
        name: letter === "a" ? `${i}` : `${i}`.padEnd(5, "-") + letter.repeat(41),
        ...(letter === "a" ? {} : { format: letter.repeat(21) }),
        window: 0xffff_ffff,
      }))
      const frames = sendSplit({ _tag: "LaneOpen", lanes, last: true })
      expect(frames.flatMap((frame) => (frame._tag === "LaneOpen" ? frame.lanes : []))).toStrictEqual(lanes)
      expect(frames.map((frame) => frame._tag === "LaneOpen" && frame.last)).toStrictEqual(
        frames.map((_, i) => i === frames.length - 1),
      )
      expect(frames.length).toBeGreaterThan(3)
      for (const frame of frames) {
        expect(frame._tag === "LaneOpen" && frame.lanes.length).toBeLessThanOrEqual(1024)
        expect(FrameEncoder.encode(frame).length).toBeLessThanOrEqual(maxChunkBytes)
      }
    }
  })

  it("marks no frame as last if the LaneOpen is not the last of its list", () => {
    const lanes = Array.from({ length: 2000 }, (_, i) => ({ lane: i + 1, name: `${i}`, window: 1024 }))
    for (const frame of sendSplit({ _tag: "LaneOpen", lanes, last: false })) {
      expect(frame).toMatchObject({ _tag: "LaneOpen", last: false })
    }
  })

  it("is not split if it is empty or of another kind", () => {
    const frames: ReadonlyArray<Frame.ControlFrame> = [
      { _tag: "Update", records: [] },
      { _tag: "SyncDigest", entries: [], last: true },
      { _tag: "SyncDigest", entries: [], last: false },
      { _tag: "SyncDelta", records: [], want: [] },
      { _tag: "Leave", generation: 1 },
      { _tag: "LaneOpen", lanes: [], last: true },
      { _tag: "LaneOpen", lanes: [], last: false },
      { _tag: "LaneClose", lane: 1 },
      { _tag: "Taken", lane: 1, id: 1 },
    ]
    for (const frame of frames) expect(FrameSplitter.split(frame)).toStrictEqual([frame])
  })

  it.prop(
    "is detected by an estimate that no record exceeds",
    [Arbitrary.array(record, { maxLength: 4 })],
    ([records]) => {
      for (const record of records) {
        expect(Cbor.encode({ ...record, status: 3 }).length).toBeLessThanOrEqual(recordBytes(record))
      }
    },
    { arbitrary: { runs: 50 } },
  )
})

describe("the size of a frame before it is encoded", () => {
  for (const tag of tags) {
    if (tag === "Data") continue
    it.prop(`is never less than the size of a ${tag} on the wire`, [frameOf(tag)], ([frame]) => {
      if (frame._tag === "Data") return
      expect(FrameSplitter.bytesOf(frame)).toBeGreaterThanOrEqual(FrameEncoder.encode(frame).length)
    })
  }
})
