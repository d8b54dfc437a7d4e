import { describe, expect, it } from "@effect/vitest"
import type * as Frame from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { concat, dataOf, decode, encodeAll, toHex } from "./support.ts"

const ping: Frame.Ping = { _tag: "Ping", seq: 7, viewHash: 1n, lag: 2 }
const record = (name: string): PeerRecord => ({
  name,
  generation: 1,
  incarnation: 0,
  status: "alive",
  body: { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] },
})

const pong: Frame.Pong = { _tag: "Pong", seq: 7, viewHash: 1n, lag: 2 }

describe("encode", () => {
  it("writes the length of kind and body, the kind and the body in big-endian order", () => {
    expect(toHex(FrameEncoder.encode(ping))).toBe("0000000f" + "05" + "00000007" + "0000000000000001" + "0002")
    expect(toHex(FrameEncoder.encode({ _tag: "Taken", lane: 258, id: 3 }))).toBe(
      "00000007" + "24" + "0102" + "00000003",
    )
    expect(toHex(FrameEncoder.encode({ ...dataOf(Uint8Array.of(9)), confirm: 5 }))).toBe(
      "00000009" + "20" + "0000" + "0b" + "00000005" + "09",
    )
  })

  it("returns an array that fills its buffer", () => {
    for (const frame of [ping, dataOf(new Uint8Array(10))]) {
      const bytes = FrameEncoder.encode(frame)
      expect(bytes.buffer.byteLength).toBe(bytes.length)
    }
  })
})

describe("dataBytes", () => {
  it("is the size of a Data frame on the wire, with any fields", () => {
    const trace = new Uint8Array(25)
    const payload = new Uint8Array(10)
    const frames: ReadonlyArray<Frame.Data> = [
      dataOf(payload),
      { ...dataOf(payload), last: false, total: 11 },
      { ...dataOf(payload), first: false },
      { ...dataOf(payload), confirm: 1 },
      { ...dataOf(payload), trace },
      { ...dataOf(payload), last: false, total: 11, confirm: 1, trace },
    ]
    for (const frame of frames) {
      const { length } = FrameEncoder.encode(frame)
      expect(FrameEncoder.dataBytes(frame)).toBe(length)
      expect(FrameEncoder.dataHeadBytes(frame)).toBe(length - payload.length)
    }
  })
})

describe("encodeInto", () => {
  const small = [ping, dataOf(Uint8Array.of(1)), { _tag: "Leave", generation: 1 }, pong] as const

  it("requests one buffer for all frames without large payloads", () => {
    const sizes: Array<number> = []
    const out: Array<Uint8Array> = []
    const large = new Uint8Array(FrameEncoder.largePayload)
    FrameEncoder.encodeInto([...small, dataOf(large)], out, undefined, (size) => {
      sizes.push(size)
      return new Uint8Array(size)
    })
    expect(sizes).toStrictEqual([encodeAll([...small, dataOf(large)]).length - large.length])
  })

  it("writes the same bytes into a buffer that is larger and not empty", () => {
    const out: Array<Uint8Array> = []
    FrameEncoder.encodeInto(small, out, undefined, (size) => new Uint8Array(size + 100).fill(0xff))
    expect(concat(out)).toStrictEqual(encodeAll(small))
  })

  it("encodes an Update that several links send once", () => {
    let reads = 0
    const records = [record("a"), record("b")]
    const update: Frame.Update = {
      _tag: "Update",
      get records() {
        reads++
        return records
      },
    }
    const written = [1, 2].map(() => {
      const out: Array<Uint8Array> = []
      FrameEncoder.encodeInto([ping, update, pong], out)
      return toHex(concat(out))
    })
    expect(written[1]).toBe(written[0])
    expect(written[0]).toBe(toHex(encodeAll([ping, { _tag: "Update", records }, pong])))
    expect(reads).toBe(1)
  })

  it("requests no buffer and writes nothing without frames", () => {
    const out: Array<Uint8Array> = []
    FrameEncoder.encodeInto([], out, undefined, () => expect.fail("no buffer is needed"))
    expect(out).toStrictEqual([])
  })

  it("payloads of at least 4 KiB are written without a copy, in order", () => {
    const large = new Uint8Array(FrameEncoder.largePayload)
    const out: Array<Uint8Array> = []
    const frames = [ping, dataOf(Uint8Array.of(1)), dataOf(large), pong, dataOf(large)]
    FrameEncoder.encodeInto(frames, out)
    expect(out.map((chunk) => chunk === large)).toStrictEqual([false, true, false, true])
    expect(new Set(out.filter((chunk) => chunk !== large).map((chunk) => chunk.buffer)).size).toBe(1)
    expect(decode(out).frames).toStrictEqual(frames)
  })
})

describe("a frame that the protocol forbids", () => {
  const record = {
    name: "a",
    generation: 1,
    incarnation: 0,
    status: "alive",
    body: { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] },
  } as const
  const bad: ReadonlyArray<readonly [string, Frame.Frame]> = [
    ["a payload beyond one fragment", dataOf(new Uint8Array(65_537))],
    ["a lane of 17 bits", { ...dataOf(new Uint8Array(1)), lane: 65_536 }],
    ["a first fragment without total", { ...dataOf(new Uint8Array(1)), last: false }],
    ["a total that does not exceed its payload", { ...dataOf(new Uint8Array(2)), last: false, total: 2 }],
    ["a total in a single fragment", { ...dataOf(new Uint8Array(2)), total: 2 }],
    ["an abort with a payload", { ...dataOf(new Uint8Array(2)), first: false, last: false, abort: true }],
    ["credit beyond 32 bits", { _tag: "Credit", lane: 0, bytes: 2 ** 32 }],
    ["a later fragment with a confirm", { ...dataOf(new Uint8Array(2)), first: false, confirm: 1 }],
    ["a later fragment with a span", { ...dataOf(new Uint8Array(2)), first: false, trace: new Uint8Array(25) }],
    ["a span one byte short", { ...dataOf(new Uint8Array(2)), trace: new Uint8Array(24) }],
    ["a confirm beyond 32 bits", { ...dataOf(new Uint8Array(2)), confirm: 2 ** 32 }],
    ["Taken beyond 32 bits", { _tag: "Taken", lane: 0, id: 2 ** 32 }],
    ["Taken on a lane of 17 bits", { _tag: "Taken", lane: 65_536, id: 1 }],
    ["an open lane 0", { _tag: "LaneOpen", lanes: [{ lane: 0, name: "a", window: 1024 }], last: true }],
    ["an open lane without a name", { _tag: "LaneOpen", lanes: [{ lane: 1, name: "", window: 1024 }], last: true }],
    ["a small window", { _tag: "LaneOpen", lanes: [{ lane: 1, name: "a", window: 1023 }], last: true }],
    [
      "more lanes than one frame opens",
      {
        _tag: "LaneOpen",
        lanes: Array.from({ length: 1025 }, (_, i) => ({ lane: i + 1, name: `${i}`, window: 1024 })),
        last: true,
      },
    ],
    ["the end of the inbox", { _tag: "LaneClose", lane: 0 }],
    ["a closed lane of 17 bits", { _tag: "LaneClosed", lane: 65_536 }],
    ["a lag of 17 bits", { ...ping, lag: 65_536 }],
    ["a generation that is not whole", { _tag: "Leave", generation: 1.5 }],
    ["a name that is empty", { _tag: "Update", records: [{ ...record, name: "" }] }],
    ["a hash of 65 bits", { _tag: "Ready", incarnation: 0, viewHash: 2n ** 64n }],
    [
      "metadata that is not well-formed",
      { _tag: "Update", records: [{ ...record, body: { ...record.body, metadata: { a: "\ud800" } } }] },
    ],
    [
      "more records than one frame holds",
      {
        _tag: "Update",
        records: Array.from({ length: 100 }, () => ({
          ...record,
          body: { ...record.body, metadata: { k: "v".repeat(8000) } },
        })),
      },
    ],
  ]
  for (const [what, frame] of bad) {
    it(`throws when it is encoded: ${what}`, () => {
      expect(() => FrameEncoder.encode(frame)).toThrow(RangeError)
      expect(() => FrameEncoder.encodeInto([frame], [])).toThrow(RangeError)
    })
  }
})
