import type { Data, Frame } from "../../src/protocol/Frame.ts"
import { assert, describe, it } from "@effect/vitest"
import * as FrameDecoder from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import * as Layout from "../../src/wire/Layout.ts"
import * as Traffic from "../../src/wire/Traffic.ts"

const data = (size: number): Data => ({
  _tag: "Data",
  lane: 0,
  first: true,
  last: true,
  abort: false,
  payload: new Uint8Array(size),
})

const frames: ReadonlyArray<Frame> = [
  { _tag: "Ping", seq: 1, viewHash: 0n, lag: 0 },
  { _tag: "Leave", generation: 7 },
  data(10),
  data(10_000),
  { _tag: "Credit", lane: 0, bytes: 1 },
  { _tag: "LaneOpen", lanes: [{ lane: 1, name: "orders", window: 1024 }], last: true },
  { ...data(5000), lane: 1, confirm: 1, trace: new Uint8Array(25) },
  { _tag: "Taken", lane: 1, id: 1 },
  { _tag: "LaneClose", lane: 1 },
  { _tag: "LaneClosed", lane: 1 },
  { _tag: "Ping", seq: 2, viewHash: 0n, lag: 0 },
]

describe("the traffic counters", () => {
  it("are equal at both ends for each kind, for any chunk boundaries", () => {
    const sent = Traffic.make()
    const chunks: Array<Uint8Array> = []
    FrameEncoder.encodeInto(frames, chunks, sent)
    const expected = Traffic.make()
    for (const frame of frames) Traffic.count(expected, FrameTable.kinds[frame._tag], FrameEncoder.encode(frame).length)
    assert.deepStrictEqual(sent, expected)
    assert.strictEqual(sent.frames[FrameTable.kinds.Ping], 2)

    const bytes = chunks.flatMap((chunk) => [...chunk])
    for (const size of [1, 7, bytes.length]) {
      const received = Traffic.make()
      const decoder = new FrameDecoder.FrameDecoder({ maxFrameBytes: Layout.maxFrameBytes, traffic: received })
      for (let at = 0; at < bytes.length; at += size) decoder.feed(Uint8Array.from(bytes.slice(at, at + size)), [])
      assert.deepStrictEqual(received, sent, `cut every ${size} bytes`)
    }
  })

  it("count frames of later versions as unknown, and count no malformed frame", () => {
    const received = Traffic.make()
    const decoder = new FrameDecoder.FrameDecoder({ maxFrameBytes: 100, traffic: received })
    assert.isUndefined(decoder.feed(Uint8Array.of(0, 0, 0, 3, Layout.firstIgnorableKind, 1, 2), []))
    assert.deepStrictEqual([received.frames[Traffic.unknownKind], received.bytes[Traffic.unknownKind]], [1, 7])
    assert.isDefined(decoder.feed(Uint8Array.of(0, 0, 0, 2, FrameTable.kinds.Leave, 0xff), []))
    assert.strictEqual(received.frames[FrameTable.kinds.Leave], 0)
  })
})
