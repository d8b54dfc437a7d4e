import { assert, describe, expect, it } from "@effect/vitest"
import { encode as referenceEncode } from "cborg"
import type * as Frame from "../../src/protocol/Frame.ts"
import { clipMessage } from "../../src/protocol/Frame.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as Layout from "../../src/wire/Layout.ts"
import { fromHex } from "./support.ts"

type Fields = Readonly<Record<string, unknown>>

const body: Fields = { addresses: ["a:1"], metadata: { k: "v" }, versionMin: 1, versionMax: 1, features: ["f"] }
const record: Fields = { name: "a", generation: 1, incarnation: 2, status: 0, body }
const withRecord = (change: Fields): Fields => ({ records: [{ ...record, ...change }] })
const withBody = (change: Fields): Fields => withRecord({ body: { ...body, ...change } })
const lane: Fields = { lane: 1, name: "orders", window: 1024 }
const withLane = (change: Fields): Fields => ({ lanes: [{ ...lane, ...change }], last: true })
const hash = new Uint8Array(8)

/** Valid body of each kind, as on the wire. */
const valid: { readonly [Tag in FrameTable.CborFrame["_tag"]]: Fields } = {
  Hello: {
    magic: "COTERIE",
    versionMin: 1,
    versionMax: 1,
    label: "hello",
    record,
    instance: 0,
    linkEpoch: 0,
    dialedAddress: "a:1",
    viewHash: hash,
    window: 0,
    linkTimeout: 0,
  },
  HelloAck: {
    version: 1,
    record,
    instance: 0,
    viewHash: hash,
    window: 0,
    linkTimeout: 0,
    observedHost: "a",
    youAre: { generation: 1, incarnation: 2, status: 3 },
  },
  HelloReject: { code: "busy", message: "", atLeastGeneration: 1, retryAfter: 1 },
  Ready: { incarnation: 0, viewHash: hash, youAre: { generation: 1, incarnation: 2, status: 3 } },
  Bye: { code: "left", message: "" },
  Update: { records: [record] },
  YouAre: { generation: 1, incarnation: 2, status: 3 },
  ProbeRequest: { id: 1, target: "a", generation: 1, deadline: 500 },
  ProbeResult: { id: 1, verdict: "up" },
  SyncDigest: { entries: [["a", 1, 2, 3]], last: true },
  SyncDelta: { records: [record], want: ["a"] },
  Leave: { generation: 1 },
  LeaveAck: { generation: 1 },
  LaneOpen: withLane({}),
  LaneClose: { lane: 1 },
  LaneClosed: { lane: 1 },
}

const bodyOf = (tag: FrameTable.CborFrame["_tag"]): FrameTable.CborBody => {
  const body = FrameTable.bodyOf(tag)
  return body.body === "cbor" ? body : assert.fail(`${tag} is not in CBOR`)
}

const decode = (tag: FrameTable.CborFrame["_tag"], fields: unknown) => bodyOf(tag).read(referenceEncode(fields))

const expectRefused = (tag: FrameTable.CborFrame["_tag"], fields: unknown) => {
  const decoded = decode(tag, fields)
  expect(decoded._tag).toBe("ProtocolViolation")
  if (decoded._tag === "ProtocolViolation") expect(decoded.code).toBe("malformed")
}

const optional = new Set(["youAre", "atLeastGeneration", "retryAfter"])

const entries = Object.entries(valid)
const tagsOf = Object.keys as (o: typeof valid) => ReadonlyArray<FrameTable.CborFrame["_tag"]>

describe("each control frame", () => {
  for (const tag of tagsOf(valid)) {
    it(`${tag} is accepted with all keys, and refused without a required key`, () => {
      expect(decode(tag, valid[tag])._tag).toBe(tag)
      for (const key of Object.keys(valid[tag])) {
        const { [key]: _, ...others } = valid[tag]
        if (optional.has(key)) {
          const decoded = decode(tag, others)
          expect(decoded._tag).toBe(tag)
          expect(Object.keys(decoded)).not.toContain(key)
        } else {
          expectRefused(tag, others)
        }
      }
    })

    it(`${tag} refuses null and other types for each key`, () => {
      for (const key of Object.keys(valid[tag])) {
        for (const wrong of [null, -1, [1], { a: 1 }, new Uint8Array(3), [["a"]]]) {
          expectRefused(tag, { ...valid[tag], [key]: wrong })
        }
      }
    })

    it(`${tag} ignores unknown keys`, () => {
      const more = JSON.parse('{"__proto__":{"generation":9},"constructor":1,"later":[{"x":[true,null]}]}') as Fields
      expect(decode(tag, { ...more, ...valid[tag] })).toStrictEqual(decode(tag, valid[tag]))
    })
  }

  it("refuses any body other than a map", () => {
    for (const [tag] of entries) {
      for (const value of [null, 1, "a", [], new Uint8Array(2), true]) {
        expectRefused(tag as FrameTable.CborFrame["_tag"], value)
      }
    }
  })
})

describe("a value is accepted at its bound and refused beyond it:", () => {
  const many = (count: number, of: (i: number) => unknown) => Array.from({ length: count }, (_, i) => of(i))
  const text = (bytes: number) => "t".repeat(bytes)
  /** Returns a DNS name of this length, in labels of up to 63 characters. */
  const host = (length: number) => text(length).replace(/(.{63})./g, "$1.")
  const pairs = (count: number) => Object.fromEntries(many(count, (i) => [`k${i}`, ""]) as Array<[string, string]>)
  const cases: ReadonlyArray<readonly [string, FrameTable.CborFrame["_tag"], (over: 0 | 1) => Fields]> = [
    ["a name of 128 bytes", "Update", (n) => withRecord({ name: text(128 + n) })],
    ["a name of 128 bytes beyond ASCII", "Update", (n) => withRecord({ name: "é".repeat(64) + text(n) })],
    ["an accuser's name of 128 bytes", "Update", (n) => withRecord({ by: text(128 + n) })],
    ["a generation of 2^53-1", "Update", (n) => withRecord({ generation: 2n ** 53n - 1n + BigInt(n) })],
    ["an incarnation of 32 bits", "Update", (n) => withRecord({ incarnation: 0xffff_ffff + n })],
    ["a status rank of 3", "Update", (n) => withRecord({ status: 3 + n })],
    ["8 addresses", "Update", (n) => withBody({ addresses: many(8 + n, (i) => `a:${i + 1}`) })],
    ["a host of 253 characters", "Update", (n) => withBody({ addresses: [`${host(253 + n)}:1`] })],
    ["an absolute host of 253 characters", "Update", (n) => withBody({ addresses: [`${host(253 + n)}.:1`] })],
    ["a port of 65535", "Update", (n) => withBody({ addresses: [`a:${65535 + n}`] })],
    ["32 features", "Update", (n) => withBody({ features: many(32 + n, (i) => `f${i}`) })],
    ["a feature of 64 bytes", "Update", (n) => withBody({ features: [text(64 + n)] })],
    ["metadata of 8192 bytes in a value", "Update", (n) => withBody({ metadata: { k: text(8191 + n) } })],
    ["metadata of 8192 bytes in a key", "Update", (n) => withBody({ metadata: { [text(8190 + n)]: "é" } })],
    [
      "metadata of 8192 bytes beyond ASCII",
      "Update",
      (n) => withBody({ metadata: { kk: "é".repeat(4095) + text(n) } }),
    ],
    ["256 pairs of metadata", "Update", (n) => withBody({ metadata: pairs(256 + n) })],
    ["version 65535", "Update", (n) => withBody({ versionMax: 65535 + n })],
    ["version 1", "Update", (n) => withBody({ versionMin: 1 - n })],
    ["1024 records in an Update", "Update", (n) => ({ records: many(1024 + n, () => record) })],
    ["1024 records in a SyncDelta", "SyncDelta", (n) => ({ records: many(1024 + n, () => record), want: [] })],
    ["1024 requested names", "SyncDelta", (n) => ({ records: [], want: many(1024 + n, (i) => `n${i}`) })],
    ["4096 digest entries", "SyncDigest", (n) => ({ entries: many(4096 + n, (i) => [`n${i}`, 1, 2, 3]), last: true })],
    ["a name that is requested once", "SyncDelta", (n) => ({ records: [], want: ["a", "b", ...many(n, () => "a")] })],
    [
      "a name once in a chunk of a digest",
      "SyncDigest",
      (n) => ({ entries: [["a", 1, 2, 3], ["b", 1, 2, 3], ...many(n, () => ["a", 2, 2, 3])], last: true }),
    ],
    ["a rank of 3 in a digest", "SyncDigest", (n) => ({ entries: [["a", 1, 2, 3 + n]], last: true })],
    ["a label of 128 bytes", "Hello", (n) => ({ ...valid.Hello, label: text(128 + n) })],
    ["an instance of 53 bits", "Hello", (n) => ({ ...valid.Hello, instance: Number.MAX_SAFE_INTEGER + n })],
    ["a linkEpoch of 32 bits", "Hello", (n) => ({ ...valid.Hello, linkEpoch: 0xffff_ffff + n })],
    ["a window of 32 bits", "Hello", (n) => ({ ...valid.Hello, window: 0xffff_ffff + n })],
    ["a link timeout of 32 bits", "HelloAck", (n) => ({ ...valid.HelloAck, linkTimeout: 0xffff_ffff + n })],
    ["a view hash of 8 bytes", "Hello", (n) => ({ ...valid.Hello, viewHash: new Uint8Array(8 + n) })],
    ["an observed host of 253 bytes", "HelloAck", (n) => ({ ...valid.HelloAck, observedHost: text(253 + n) })],
    [
      "a belief with 32 bits",
      "Ready",
      (n) => ({ ...valid.Ready, youAre: { generation: 0, incarnation: 0xffff_ffff + n, status: 0 } }),
    ],
    ["a reject message of 512 bytes", "HelloReject", (n) => ({ code: "label", message: text(512 + n) })],
    ["a retryAfter of 32 bits", "HelloReject", (n) => ({ code: "busy", message: "", retryAfter: 0xffff_ffff + n })],
    ["a Bye message of 512 bytes", "Bye", (n) => ({ code: "left", message: text(512 + n) })],
    ["1024 lanes in a LaneOpen", "LaneOpen", (n) => ({ lanes: many(1024 + n, () => lane), last: true })],
    ["the lane 65535", "LaneOpen", (n) => withLane({ lane: 65_535 + n })],
    ["the lane 1", "LaneOpen", (n) => withLane({ lane: 1 - n })],
    ["a lane's name of 128 bytes", "LaneOpen", (n) => withLane({ name: text(128 + n) })],
    ["a lane's name of 128 bytes beyond ASCII", "LaneOpen", (n) => withLane({ name: "é".repeat(64) + text(n) })],
    ["a format of 64 bytes", "LaneOpen", (n) => withLane({ format: text(64 + n) })],
    ["a format of 64 bytes beyond ASCII", "LaneOpen", (n) => withLane({ format: "é".repeat(32) + text(n) })],
    ["a lane's window of 1024", "LaneOpen", (n) => withLane({ window: 1024 - n })],
    ["a lane's window of 32 bits", "LaneOpen", (n) => withLane({ window: 0xffff_ffff + n })],
    ["the closing lane 65535", "LaneClose", (n) => ({ lane: 65_535 + n })],
    ["the closing lane 1", "LaneClose", (n) => ({ lane: 1 - n })],
    ["the closed lane 65535", "LaneClosed", (n) => ({ lane: 65_535 + n })],
    ["the closed lane 1", "LaneClosed", (n) => ({ lane: 1 - n })],
    ["a Bye message of 512 bytes beyond ASCII", "Bye", (n) => ({ code: "left", message: "é".repeat(256) + text(n) })],
  ]
  for (const [what, tag, fields] of cases) {
    it(what, () => {
      expect(decode(tag, fields(0))).toMatchObject({ _tag: tag })
      expectRefused(tag, fields(1))
    })
  }

  it("names, which must not be empty", () => {
    expectRefused("Update", withRecord({ name: "" }))
    expectRefused("Update", withRecord({ by: "" }))
    expectRefused("Update", withBody({ features: [""] }))
    expectRefused("Hello", { ...valid.Hello, label: "" })
    expectRefused("SyncDelta", { records: [], want: [""] })
    expectRefused("LaneOpen", withLane({ name: "" }))
    expectRefused("SyncDigest", { entries: [["", 1, 2, 3]], last: true })
  })

  it("lanes, whose keys are all required and typed, and whose name follows the rules of peer names", () => {
    for (const key of Object.keys(lane)) {
      const { [key]: _, ...others } = lane
      expectRefused("LaneOpen", { lanes: [others], last: true })
      for (const wrong of [null, true, [], {}, new Uint8Array(2)]) expectRefused("LaneOpen", withLane({ [key]: wrong }))
    }
    for (const name of ["a\u0000", "\n", "\u007f", "\u0085"]) {
      expectRefused("LaneOpen", withLane({ name }))
      expectRefused("LaneOpen", withLane({ format: name }))
    }
    for (const format of ["", null, 1]) expectRefused("LaneOpen", withLane({ format }))
    expectRefused("LaneOpen", { lanes: [lane, null], last: true })
    expect(decode("LaneOpen", { lanes: [{ ...lane, later: [1] }], last: true })).toStrictEqual(
      decode("LaneOpen", valid.LaneOpen),
    )
  })

  it("addresses, which must be canonical", () => {
    for (const address of ["A:1", "a:01", "::1:24868", "[0::1]:1", "0.0.0.0:1", "a..b:1", "a", "a:0", " a:1"]) {
      expectRefused("Update", withBody({ addresses: [address] }))
      expectRefused("Hello", { ...valid.Hello, dialedAddress: address })
    }
  })

  it("a Hello with a record at all bounds, which fits the limit of the handshake", () => {
    const full: PeerRecord.PeerRecord = {
      name: text(128),
      generation: Number.MAX_SAFE_INTEGER,
      incarnation: 0xffff_ffff,
      status: "alive",
      by: text(128),
      body: {
        addresses: [],
        metadata: Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`k${i}`.padStart(16, "k"), text(16)])),
        versionMin: 65535,
        versionMax: 65535,
        features: Array.from({ length: 32 }, () => text(64)),
      },
    }
    const longest = decode("Update", withBody({ addresses: Array.from({ length: 8 }, () => `${host(253)}.:65535`) }))
    if (longest._tag !== "Update") throw new Error("expected an Update")
    const addresses = longest.records[0]?.body.addresses ?? []
    expect(PeerRecord.metadataBytes(full.body.metadata)).toBe(8192)
    const [first] = addresses
    if (first === undefined) throw new Error("expected an address")
    const hello: Frame.Hello = {
      _tag: "Hello",
      versionMin: 65535,
      versionMax: 65535,
      label: text(128),
      record: { ...full, body: { ...full.body, addresses } },
      instance: Number.MAX_SAFE_INTEGER,
      linkEpoch: 0xffff_ffff,
      dialedAddress: first,
      viewHash: 1n,
      window: 0xffff_ffff,
      linkTimeout: 0xffff_ffff,
    }
    const ready: Frame.Ready = {
      _tag: "Ready",
      incarnation: 0xffff_ffff,
      viewHash: 1n,
      youAre: { generation: Number.MAX_SAFE_INTEGER, incarnation: 0xffff_ffff, status: "left" },
    }
    const bytes = FrameEncoder.encode(hello).length + FrameEncoder.encode(ready).length
    expect(bytes).toBeLessThanOrEqual(Layout.maxHandshakeBytes)
  })
})

describe("names of JavaScript properties", () => {
  for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
    it(`${name} is accepted as a name`, () => {
      const decoded = decode("SyncDelta", { ...withRecord({ name }), want: [name] })
      expect(decoded).toMatchObject({ records: [{ name }], want: [name] })
      expect(decode("LaneOpen", withLane({ name }))).toMatchObject({ lanes: [{ name }] })
    })

    it(`${name} is accepted as a key of metadata`, () => {
      const metadata = new Map([
        [name, "1"],
        ["z", "2"],
      ])
      const decoded = decode("Update", withBody({ metadata }))
      if (decoded._tag !== "Update") throw new Error("expected an Update")
      const [first] = decoded.records
      if (first === undefined) throw new Error("expected a record")
      expect(Object.entries(first.body.metadata)).toContainEqual([name, "1"])
      expect(Object.keys(first.body.metadata).length).toBe(2)
      expect(Object.getPrototypeOf(first.body.metadata)).toBe(Object.prototype)
      // Encoding gives the same bytes.
      expect(bodyOf("Update").read(bodyOf("Update").write(decoded))).toStrictEqual(decoded)
    })
  }

  it("__proto__ with a map as its value does not change the prototype", () => {
    const polluting = fromHex("a2" + "695f5f70726f746f5f5f" + "a1" + "6a67656e65726174696f6e" + "05" + "6161" + "01")
    const decoded = bodyOf("Leave").read(polluting)
    expect(decoded._tag).toBe("ProtocolViolation")
    expect(Reflect.has({}, "generation")).toBe(false)
  })
})

describe("clipMessage", () => {
  it("shortens a message to the limit of a Bye, at a whole character", () => {
    expect(clipMessage("short")).toBe("short")
    expect(clipMessage("x".repeat(600))).toBe("x".repeat(512))
    expect(clipMessage("é".repeat(300))).toBe("é".repeat(256))
    expect(clipMessage(`x${"😀".repeat(200)}`)).toBe(`x${"😀".repeat(127)}`)
    expect(clipMessage("\ud800")).toBe("\ufffd")
    for (const message of ["x".repeat(600), "é".repeat(300), `x${"😀".repeat(200)}`, "\ud800"]) {
      expect(() => FrameEncoder.encode({ _tag: "Bye", code: "left", message: clipMessage(message) })).not.toThrow()
    }
  })
})
