/**
 * Bytes of any peer. The decoder returns frames or one violation, never throws, and holds a bounded number of bytes.
 */
import { describe, expect, it } from "@effect/vitest"
import type * as Frame from "../../src/protocol/Frame.ts"
import { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import * as Cbor from "../../src/wire/Cbor.ts"
import { slabBytes } from "../../src/wire/Chunk.ts"
import * as FrameDecoder from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import * as Layout from "../../src/wire/Layout.ts"
import { frames, seed } from "./arbitraries.ts"
import { concat, cutAt, dataOf, decode, encodeAll, fromHex, randomOf, raw } from "./support.ts"

const codes = ["oversize", "malformed", "unexpectedFrame"]

const ping: Frame.Ping = { _tag: "Ping", seq: 7, viewHash: 1n, lag: 2 }
const pong: Frame.Pong = { _tag: "Pong", seq: 7, viewHash: 1n, lag: 2 }

describe("a length", () => {
  const u32 = (n: number) => {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, n)
    return bytes
  }

  it("of 0 is malformed, without waiting for more bytes", () => {
    expect(decode([u32(0)]).error?.code).toBe("malformed")
  })

  it("of 2^31-1 or 2^32-1 is oversize, without waiting for more bytes", () => {
    expect(decode([u32(0x7fff_ffff)]).error?.code).toBe("oversize")
    expect(decode([u32(0xffff_ffff)]).error?.code).toBe("oversize")
  })

  it("is checked as soon as its four bytes have arrived, in any chunks", () => {
    expect(decode(cutAt(u32(0x7fff_ffff), [1, 2, 3])).error?.code).toBe("oversize")
    expect(decode(cutAt(u32(0), [2])).error?.code).toBe("malformed")
  })

  it("at the limit is accepted, and one beyond it is oversize", () => {
    const frame = raw(200, new Uint8Array(99))
    expect(decode([frame], { maxFrameBytes: 100 }).error).toBeUndefined()
    expect(decode([frame], { maxFrameBytes: 99 }).error?.code).toBe("oversize")
  })

  it("that is incomplete waits for more bytes and is not a violation", () => {
    for (let n = 1; n < 4; n++) {
      expect(decode([u32(0x7fff_ffff).slice(0, n)])).toStrictEqual({ frames: [], error: undefined, partial: true })
    }
  })

  it("of 2^31-1 with ten following bytes allocates less than 1 MiB in a hundred decoders", () => {
    const bytes = concat([u32(0x7fff_ffff), new Uint8Array(10)])
    const before = process.memoryUsage()
    for (let i = 0; i < 100; i++) expect(decode([bytes]).error?.code).toBe("oversize")
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1024 * 1024)
    expect(after.external - before.external).toBeLessThan(1024 * 1024)
  })

  it("that does not fit the kind is a violation before the body arrives", () => {
    for (const kind of [
      FrameTable.kinds.Ping,
      FrameTable.kinds.Pong,
      FrameTable.kinds.Credit,
      FrameTable.kinds.Taken,
    ]) {
      expect(decode([concat([u32(1000), Uint8Array.of(kind)])]).error?.code).toBe("malformed")
    }
    // Kind, lane, flags, total, id, trace and payload: the longest Data.
    const longest = 1 + 2 + 1 + 4 + 4 + 25 + 65_536
    const ofData = (length: number) => decode([concat([u32(length), Uint8Array.of(FrameTable.kinds.Data)])])
    expect(ofData(longest)).toStrictEqual({ frames: [], error: undefined, partial: true })
    expect(ofData(longest + 1).error?.code).toBe("oversize")
    expect(decode([concat([u32(1000), Uint8Array.of(99)])]).error?.code).toBe("unexpectedFrame")
  })
})

describe("after a violation", () => {
  it("the frames before it are decoded, and no frame after it", () => {
    const bytes = concat([FrameEncoder.encode(ping), raw(99, new Uint8Array(3)), FrameEncoder.encode(pong)])
    const { error, frames } = decode([bytes])
    expect(frames).toStrictEqual([ping])
    expect(error?.code).toBe("unexpectedFrame")
  })

  it("every call returns the same violation", () => {
    const decoder = new FrameDecoder.FrameDecoder({ maxFrameBytes: 1000 })
    const out: Array<Frame.Frame> = []
    const error = decoder.feed(raw(99, new Uint8Array(0)), out)
    expect(decoder.feed(FrameEncoder.encode(ping), out)).toBe(error)
    decoder.raiseLimit(2000)
    expect(decoder.feed(FrameEncoder.encode(ping), out)).toBe(error)
    expect(out).toStrictEqual([])
  })
})

describe("unknown kinds", () => {
  it("are skipped from 128 on, in any length and chunks", () => {
    const bytes = concat([FrameEncoder.encode(ping), raw(128, new Uint8Array(5000)), FrameEncoder.encode(pong)])
    for (const places of [[], [3, 100], [20, 24, 25, 26, 4000], [bytes.length - 20]]) {
      expect(decode(cutAt(bytes, places))).toStrictEqual({ frames: [ping, pong], error: undefined, partial: false })
    }
  })

  it("allocate no memory for bytes that have not arrived", () => {
    const header = raw(255, new Uint8Array(Layout.maxFrameBytes - 1)).slice(0, 5)
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from(
      { length: 100 },
      () => new FrameDecoder.FrameDecoder({ maxFrameBytes: Layout.maxFrameBytes }),
    )
    for (const decoder of decoders) decoder.feed(header, [])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
    expect(decoders.every((decoder) => decoder.isPartial())).toBe(true)
  })

  it("are a violation below 128", () => {
    const known = new Set<number>(Object.values(FrameTable.kinds))
    for (let kind = 0; kind < 128; kind++) {
      if (!known.has(kind)) expect(decode([raw(kind, new Uint8Array(2))]).error?.code).toBe("unexpectedFrame")
    }
  })
})

describe("the limits of the handshake", () => {
  it("accept two large frames, but not a third", () => {
    const frame = raw(200, new Uint8Array(8000))
    expect(decode([frame, frame], FrameDecoder.handshakeLimits).error).toBeUndefined()
    expect(decode([frame, frame, frame], FrameDecoder.handshakeLimits).error?.code).toBe("oversize")
  })

  it("can be raised between two frames of one chunk", () => {
    const large = dataOf(new Uint8Array(60_000))
    const chunk = concat([FrameEncoder.encode(ping), FrameEncoder.encode(large), FrameEncoder.encode(pong)])
    const decoder = new FrameDecoder.FrameDecoder(FrameDecoder.handshakeLimits)
    const out: Array<Frame.Frame> = []
    expect(decoder.feed(chunk, out, 1)).toBeUndefined()
    expect(out).toStrictEqual([ping])
    expect(decoder.isPartial()).toBe(true)
    decoder.raiseLimit(Layout.maxFrameBytes)
    expect(decoder.feed(new Uint8Array(0), out)).toBeUndefined()
    expect(out).toStrictEqual([ping, large, pong])
    expect(decoder.isPartial()).toBe(false)
  })

  it("keep the frames that arrive meanwhile in order", () => {
    const bytes = encodeAll([ping, pong, ping, pong])
    const decoder = new FrameDecoder.FrameDecoder(FrameDecoder.handshakeLimits)
    const out: Array<Frame.Frame> = []
    for (const chunk of cutAt(bytes, [21, 30, 60])) decoder.feed(chunk, out, 1)
    while (decoder.isPartial()) decoder.feed(new Uint8Array(0), out, 1)
    expect(out).toStrictEqual([ping, pong, ping, pong])
  })
})

describe("Data", () => {
  /**
   * Returns the violation of a body by docs/protocol.md, section "Fixed bodies": flags, zeros up to its total, `size`
   * bytes.
   */
  const expected = (flags: number, size: number, total: number): string | undefined => {
    const has = (flag: number) => (flags & flag) !== 0
    if (size < 3 || flags > 31) return "malformed"
    if (has(4) && (flags !== 4 || size !== 3)) return "malformed"
    if (!has(1) && (has(8) || has(16))) return "malformed"
    const isFirstOfSeveral = has(1) && !has(2)
    const payload = size - 3 - (isFirstOfSeveral ? 4 : 0) - (has(8) ? 4 : 0) - (has(16) ? 25 : 0)
    if (payload < 0) return "malformed"
    if (payload > 65_536) return "oversize"
    return isFirstOfSeveral && total <= payload ? "malformed" : undefined
  }
  const codeOf = (flags: number, size: number, total: number) => {
    const body = new Uint8Array(size)
    if (size > 2) body[2] = flags
    if (size > 6) new DataView(body.buffer).setUint32(3, total)
    const { error, frames } = decode([raw(FrameTable.kinds.Data, body)])
    return frames.length === (error === undefined ? 1 : 0) ? error?.code : `${error?.code} and ${frames.length} frames`
  }

  const describeCase = (flags: number, size: number, total: number, code: string | undefined) =>
    `flags ${flags}, ${size} bytes, total ${total}: ${code}`

  it("with any flags and any small size is decoded or refused by docs/protocol.md", () => {
    const wrong: Array<string> = []
    for (let flags = 0; flags < 256; flags++) {
      for (let size = 0; size < 45; size++) {
        for (const total of [0, 3, 0xffff_ffff]) {
          const code = codeOf(flags, size, total)
          if (code !== expected(flags, size, total)) wrong.push(describeCase(flags, size, total, code))
        }
      }
    }
    expect(wrong).toStrictEqual([])
  })

  it("with any flags holds a payload of at most 64 KiB", () => {
    const wrong: Array<string> = []
    for (let flags = 0; flags < 32; flags++) {
      for (let size = 65_536; size < 65_536 + 40; size++) {
        const code = codeOf(flags, size, 0xffff_ffff)
        // The decoder does not read the flags of a Data body that exceeds the longest one.
        const right = size > 65_536 + 36 ? "oversize" : expected(flags, size, 0xffff_ffff)
        if (code !== right) wrong.push(describeCase(flags, size, 0xffff_ffff, code))
      }
    }
    expect(wrong).toStrictEqual([])
  })

  it("has a copy of the span instead of a view of the chunk", () => {
    const trace = Uint8Array.from({ length: 25 }, (_, i) => i)
    const chunk = FrameEncoder.encode({ ...dataOf(new Uint8Array(5000)), confirm: 1, trace })
    const [frame] = decode([chunk]).frames
    chunk.fill(0xff)
    expect(frame?._tag === "Data" && frame.trace).toStrictEqual(trace)
    expect(frame?._tag === "Data" && frame.trace?.buffer.byteLength).toBe(25)
  })
})

describe("payloads", () => {
  it("of at least 4 KiB are views of the chunk", () => {
    const bytes = FrameEncoder.encode(dataOf(new Uint8Array(4096)))
    const [frame] = decode([bytes]).frames
    expect(frame?._tag === "Data" && frame.payload.buffer === bytes.buffer).toBe(true)
  })

  it("below 4 KiB retain at most 8 KiB of memory", () => {
    const chunk = encodeAll(Array.from({ length: 600 }, (_, i) => dataOf(new Uint8Array(100).fill(i))))
    const { frames } = decode([chunk])
    for (const [i, frame] of frames.entries()) {
      if (frame._tag !== "Data") throw new Error("expected Data")
      expect(frame.payload.every((byte) => byte === (i & 0xff))).toBe(true)
      expect(frame.payload.buffer.byteLength).toBeLessThanOrEqual(slabBytes)
    }
    expect(frames.length).toBe(600)
  })

  it("below 4 KiB are complete at the end of a slab", () => {
    // Payload, header, payload, header, and a third payload that ends around 8 KiB after the start of the first.
    for (let size = 8192 - 8016 - 3; size <= 8192 - 8016 + 3; size++) {
      const sent = [4000, 4000, size, 4000].map((size, i) => dataOf(new Uint8Array(size).fill(i + 1)))
      expect(decode([encodeAll(sent)])).toStrictEqual({ frames: sent, error: undefined, partial: false })
    }
  })

  it("are plain Uint8Arrays even if the chunk is a Buffer", () => {
    const pool = Buffer.alloc(100_000)
    const bytes = encodeAll([dataOf(new Uint8Array(10).fill(1)), dataOf(new Uint8Array(5000).fill(2))])
    pool.set(bytes, 77)
    const { frames } = decode([pool.subarray(77, 77 + bytes.length)])
    pool.fill(0, 0, 77 + 15 + 10)
    for (const frame of frames) expect(frame._tag === "Data" && frame.payload.constructor === Uint8Array).toBe(true)
    expect(frames[0]).toStrictEqual(dataOf(new Uint8Array(10).fill(1)))
  })

  it("of a frame in several chunks are copied once, into an array of the same size", () => {
    const sent = dataOf(new Uint8Array(50_000).map((_, i) => i))
    for (const at of [7, 20, 50, 30_000]) {
      const { frames } = decode(cutAt(FrameEncoder.encode(sent), [at]))
      expect(frames).toStrictEqual([sent])
      for (const frame of frames) expect(frame._tag === "Data" && frame.payload.buffer.byteLength).toBe(50_000)
    }
  })

  it("do not retain a chunk without a view: its memory is released at once", () => {
    const small = Array.from({ length: 300 }, (_, i) => dataOf(new Uint8Array(100).fill(i)))
    const crossing = dataOf(new Uint8Array(50_000).fill(7))
    const chunks = cutAt(encodeAll([...small, crossing, ...small]), [60_000]).map((chunk) => chunk.slice())
    const { frames } = decode(chunks)
    expect(chunks.map(({ length }) => length)).toStrictEqual([0, 0])
    expect(frames).toStrictEqual([...small, crossing, ...small])
  })

  it("retain a chunk of any size with a view", () => {
    for (let size = 8_100; size < 8_300; size++) {
      const frames = [dataOf(new Uint8Array(0)), dataOf(new Uint8Array(size - 16).fill(1)), dataOf(new Uint8Array(0))]
      expect(decode([encodeAll(frames)]).frames).toStrictEqual(frames)
    }
  })

  it("retain the chunk of a view", () => {
    const frames = [dataOf(new Uint8Array(100)), dataOf(new Uint8Array(20_000).fill(1))]
    const chunk = encodeAll(frames)
    const { length } = chunk
    expect(decode([chunk]).frames).toStrictEqual(frames)
    expect(chunk.length).toBe(length)
  })
})

describe("bytes that are not frames", () => {
  it.prop(
    "a prefix of valid frames gives its complete frames and no violation",
    [frames],
    ([frames]) => {
      const bytes = encodeAll(frames).subarray(0, 3000)
      for (let n = 0; n <= bytes.length; n += 1 + (n >> 6)) {
        const decoded = decode([bytes.subarray(0, n)])
        expect(decoded.error).toBeUndefined()
        expect(decoded.frames).toStrictEqual(frames.slice(0, decoded.frames.length))
      }
    },
    { arbitrary: { runs: 20 } },
  )

  it.prop(
    "valid frames with bytes changed, lost or added give the same frames or violation in any chunks",
    [frames, seed],
    ([frames, seed]) => {
      const random = randomOf(seed)
      const original = encodeAll(frames)
      for (let round = 0; round < 20; round++) {
        const bytes = mutate(original, random)
        const whole = decode([bytes.slice()])
        if (whole.error !== undefined) {
          expect(codes).toContain(whole.error.code)
          expect(whole.error.message.length).toBeLessThanOrEqual(160)
        }
        const places = [random(bytes.length + 1), random(bytes.length + 1), random(bytes.length + 1)]
        expect(
          decode(
            cutAt(
              bytes,
              places.sort((a, b) => a - b),
            ),
          ),
        ).toStrictEqual(whole)
      }
    },
    { arbitrary: { runs: 100 } },
  )

  it.prop(
    "random bytes as the body of each kind give a frame or a violation",
    [seed],
    ([seed]) => {
      const random = randomOf(seed)
      for (const kind of Object.values(FrameTable.kinds)) {
        const body = Uint8Array.from({ length: random(40) }, () => random(256))
        if (random(2) === 0 && body.length > 0) body[0] = 0xa1
        const { error, frames } = decode([raw(kind, body)])
        expect(frames.length + Number(error !== undefined)).toBe(1)
      }
    },
    { arbitrary: { runs: 300 } },
  )

  it("nested a hundred thousand deep are a violation without a deep stack", () => {
    const deep = new Uint8Array(100_000)
    for (const bracket of [0x81, 0xa1, 0xc1, 0x9f]) {
      const { error } = decode([raw(FrameTable.kinds.Update, deep.fill(bracket))])
      expect(error?.code).toBe("malformed")
      expect(error?.message).not.toMatch(/stack/)
    }
    // The same below a key, in an otherwise valid map.
    const nested = concat([fromHex("a1677265636f726473"), new Uint8Array(100_000).fill(0x81)])
    expect(decode([raw(FrameTable.kinds.Update, nested)]).error?.message).toMatch(/deeper than 8/)
  })

  it("are quoted in the message of a violation with at most 80 characters", () => {
    const long = "x".repeat(60_000)
    const bodies = [{ [long]: 1 }, { generation: long }, { code: long, message: long }, { records: [{ [long]: long }] }]
    for (const kind of Object.values(FrameTable.kinds)) {
      for (const body of bodies) {
        const message = decode([raw(kind, Cbor.encode(body))]).error?.message ?? ""
        expect(message.split("x".repeat(81)).length).toBe(1)
      }
    }
    // The CBOR library quotes a key that occurs twice.
    const key = Cbor.encode(long.slice(0, 1000))
    const twice = concat([Uint8Array.of(0xa2), key, Uint8Array.of(1), key, Uint8Array.of(1)])
    const message = decode([raw(FrameTable.kinds.Leave, twice)]).error?.message ?? ""
    expect(message).toMatch(/repeat/)
    expect(message.length).toBeLessThan(120)
  })
})

const mutate = (bytes: Uint8Array, random: (n: number) => number): Uint8Array => {
  let result: Uint8Array = bytes.slice()
  for (let times = 1 + random(3); times > 0 && result.length > 0; times--) {
    const at = random(result.length)
    switch (random(5)) {
      case 0:
        result[at] = random(256)
        break
      case 1:
        result[at] = (result[at] ?? 0) ^ (1 << random(8))
        break
      case 2:
        result = concat([result.subarray(0, at), result.subarray(at + 1 + random(8))])
        break
      case 3:
        result = concat([result.subarray(0, at), Uint8Array.of(random(256), random(256)), result.subarray(at)])
        break
      case 4:
        result = result.slice(0, at)
        break
    }
  }
  return result
}

describe("a sink of Data", () => {
  /** Decodes chunks with a sink. Returns what the sink took and the list of the decoder, as text. */
  const deliver = (chunks: ReadonlyArray<Uint8Array>, receive?: FrameDecoder.DataSink["receive"]) => {
    const decoder = new FrameDecoder.FrameDecoder({ maxFrameBytes: Layout.maxFrameBytes })
    const taken: Array<Frame.Data> = []
    const places: Array<Uint8Array> = []
    decoder.deliverTo({
      receive: (frame) => {
        taken.push(frame)
        return receive?.(frame)
      },
      place: (head, _total, bytes) => {
        if (head.lane !== 0) return undefined
        const place = new Uint8Array(bytes)
        places.push(place)
        return place
      },
    })
    const lists = chunks.map((chunk) => {
      const out: Array<Frame.Frame> = []
      const error = decoder.feed(chunk, out)
      return error ?? out
    })
    return { decoder, lists, places, taken }
  }

  const bytesOf = (...all: ReadonlyArray<Frame.Frame>) => encodeAll(all)

  it("takes the frames before the first other frame of the same chunk, and the list has the rest in order", () => {
    const [one, two, three] = [1, 2, 3].map((size) => dataOf(new Uint8Array(size)))
    if (one === undefined || two === undefined || three === undefined) return expect.fail()
    const { decoder, lists, taken } = deliver([bytesOf(one, two, ping, three, pong), bytesOf(three)])
    expect(taken).toStrictEqual([one, two, three])
    expect(lists).toStrictEqual([[ping, three, pong], []])
    expect(decoder.delivered).toBe(3)
  })

  it("gives the place of a payload that continues in the next chunk", () => {
    const payload = Uint8Array.from({ length: 5_000 }, (_, i) => i)
    const bytes = bytesOf(dataOf(payload))
    for (const cut of [100, 2_000, 4_999]) {
      const { places, taken } = deliver(cutAt(bytes, [cut]))
      expect(places.length).toBe(1)
      expect(taken[0]?.payload).toBe(places[0])
      expect(taken).toStrictEqual([dataOf(payload)])
    }
    const without = deliver(cutAt(bytesOf({ ...dataOf(payload), lane: 1 }), [2_000]))
    expect(without.taken).toStrictEqual([{ ...dataOf(payload), lane: 1 }])
  })

  it("gives no place while an earlier frame waits in the list", () => {
    const { lists, places, taken } = deliver(cutAt(bytesOf(ping, dataOf(new Uint8Array(5_000))), [2_000]))
    expect(places).toStrictEqual([])
    expect(taken).toStrictEqual([dataOf(new Uint8Array(5_000))])
    expect(lists).toStrictEqual([[ping], []])
  })

  it("ends the decoding with its violation", () => {
    const violation = new ProtocolViolation("creditExceeded", "too much")
    const frame = dataOf(new Uint8Array(1))
    const { lists, taken } = deliver([bytesOf(frame, frame), bytesOf(frame)], () => violation)
    expect(taken).toStrictEqual([frame])
    expect(lists).toStrictEqual([violation, violation])
  })

  it("gets no further frame once another one, or none, is set", () => {
    const { decoder, taken } = deliver([])
    decoder.deliverTo(undefined)
    const out: Array<Frame.Frame> = []
    const frame = dataOf(new Uint8Array(1))
    expect(decoder.feed(bytesOf(frame), out)).toBeUndefined()
    expect(out).toStrictEqual([frame])
    expect(taken).toStrictEqual([])
  })
})
