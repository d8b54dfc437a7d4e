/** The order and the hashes of records (docs/protocol.md, sections "Records" and "Hashes"). */
import { assert, describe, expect, it, vi } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Address } from "../../src/Address.ts"
import type { Body } from "../../src/protocol/PeerRecord.ts"
import { maxIncarnation, maxMetadataBytes, maxMetadataPairs } from "../../src/protocol/constants.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { addressOf, bodyOf, recordOf } from "./records.ts"

const oneOf = <const A extends string | number>(values: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(values))

const emptyBody: Body = { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] }

// Few values, so that equal keys and equal parts of keys are common.
const bodies: ReadonlyArray<Body> = [bodyOf("x"), bodyOf("x", { a: "1" }), bodyOf("x", { a: "2" }), emptyBody]

const record: Arbitrary.Arbitrary<PeerRecord.PeerRecord> = Arbitrary.map(
  Arbitrary.all([oneOf([1, 2, 7]), oneOf([0, 1, 5]), oneOf(PeerRecord.statusOfRank), oneOf([0, 1, 2, 3])]),
  ([generation, incarnation, status, body]): PeerRecord.PeerRecord => ({
    name: "x",
    generation,
    incarnation,
    status,
    body: { ...(bodies[body] ?? emptyBody) },
  }),
)

const runs = { arbitrary: { runs: 500 } }

describe("the order of records", () => {
  it.prop(
    "is total: of two records one is greater, or they are equal",
    [record, record],
    ([a, b]) => {
      expect(Math.sign(PeerRecord.compare(a, b))).toBe(-Math.sign(PeerRecord.compare(b, a)) + 0)
      expect(PeerRecord.compare(a, a)).toBe(0)
      if (PeerRecord.compare(a, b) === 0) expect(a).toStrictEqual(b)
    },
    runs,
  )

  it.prop(
    "is transitive",
    [record, record, record],
    ([a, b, c]) => {
      if (PeerRecord.compare(a, b) <= 0 && PeerRecord.compare(b, c) <= 0) {
        expect(PeerRecord.compare(a, c)).toBeLessThanOrEqual(0)
      }
    },
    runs,
  )

  it("compares generations first, then incarnations, then the status", () => {
    const ascending: ReadonlyArray<Partial<PeerRecord.PeerRecord>> = [
      { generation: 1, incarnation: 0, status: "alive" },
      { generation: 1, incarnation: 0, status: "suspect" },
      { generation: 1, incarnation: 0, status: "failed" },
      { generation: 1, incarnation: 0, status: "left" },
      { generation: 1, incarnation: 1, status: "alive" },
      { generation: 1, incarnation: 1, status: "left" },
      { generation: 1, incarnation: 9, status: "failed" },
      { generation: 2, incarnation: 0, status: "alive" },
    ]
    const records = ascending.map((changes) => recordOf("x", changes))
    for (const [i, a] of records.entries()) {
      for (const [j, b] of records.entries()) expect(Math.sign(PeerRecord.compare(a, b))).toBe(Math.sign(i - j))
    }
  })

  it("does not depend on the accuser", () => {
    const accusation = { status: "suspect", incarnation: 3 } as const
    expect(
      PeerRecord.compare(recordOf("x", { ...accusation, by: "a" }), recordOf("x", { ...accusation, by: "b" })),
    ).toBe(0)
  })
})

describe("bodies", () => {
  const base = bodyOf("x", { a: "1", b: "2" })

  it("are the same if all their fields are, in any order of their metadata", () => {
    assert.isTrue(PeerRecord.isSameBody(base, base))
    assert.isTrue(PeerRecord.isSameBody(base, { ...bodyOf("x", { b: "2", a: "1" }) }))
    const others: ReadonlyArray<Partial<Body>> = [
      { metadata: { a: "1" } },
      { metadata: { a: "1", b: "3" } },
      { metadata: { a: "1", c: "2" } },
      { metadata: { a: "1", b: "2", c: "" } },
      { metadata: { a: "1", toString: "2" } },
      { addresses: [] },
      { addresses: [addressOf("y")] },
      { features: ["f"] },
      { versionMin: 2 },
      { versionMax: 2 },
    ]
    for (const changes of others) {
      assert.isFalse(PeerRecord.isSameBody(base, { ...base, ...changes }))
      assert.isFalse(PeerRecord.isSameBody({ ...base, ...changes }, base))
    }
  })

  it("are hashed only to order two different bodies", () => {
    const encode = vi.spyOn(TextEncoder.prototype, "encode")
    try {
      const large = (last: string) => recordOf("x", { body: bodyOf("x", { a: "x".repeat(8_000) + last }) })
      assert.strictEqual(PeerRecord.compare(large("1"), large("1")), 0)
      assert.strictEqual(encode.mock.calls.length, 0)
      assert.notStrictEqual(PeerRecord.compare(large("1"), large("2")), 0)
      assert.isAbove(encode.mock.calls.length, 0)
    } finally {
      encode.mockRestore()
    }
  })
})

describe("hashes", () => {
  it("of a body do not depend on the order of its metadata", () => {
    expect(PeerRecord.bodyHash(bodyOf("x", { a: "1", b: "2", "\u{10000}": "3", "\uffff": "4" }))).toBe(
      PeerRecord.bodyHash(bodyOf("x", { "\uffff": "4", "\u{10000}": "3", b: "2", a: "1" })),
    )
  })

  it("of bodies that differ in one field differ", () => {
    const base = bodyOf("x", { a: "1" })
    const addresses: ReadonlyArray<Address> = [addressOf("x"), addressOf("y")]
    const all: ReadonlyArray<Body> = [
      base,
      emptyBody,
      { ...base, metadata: { a: "2" } },
      { ...base, metadata: { a: "1", b: "" } },
      { ...base, metadata: { "": "a1" } },
      { ...base, metadata: { a1: "" } },
      { ...base, addresses },
      { ...base, addresses: addresses.toReversed() },
      { ...base, features: ["a"] },
      { ...base, features: ["a", "b"] },
      { ...base, features: ["ab"] },
      { ...base, versionMin: 2 },
      { ...base, versionMax: 2 },
    ]
    expect(new Set(all.map(PeerRecord.bodyHash)).size).toBe(all.length)
  })

  it("of a member depend on name, generation and incarnation only", () => {
    const all = [
      recordOf("x", { generation: 1, incarnation: 1 }),
      recordOf("x", { generation: 1, incarnation: 2 }),
      recordOf("x", { generation: 2, incarnation: 1 }),
      recordOf("x", { generation: 2 ** 32 + 1, incarnation: 1 }),
      recordOf("x", { generation: Number.MAX_SAFE_INTEGER, incarnation: maxIncarnation }),
      recordOf("y", { generation: 1, incarnation: 1 }),
    ]
    expect(new Set(all.map(PeerRecord.memberHash)).size).toBe(all.length)
    for (const each of all) {
      const other: PeerRecord.PeerRecord = { ...each, status: "failed", body: emptyBody }
      expect(PeerRecord.memberHash(other)).toBe(PeerRecord.memberHash(each))
    }
  })

  it("fit into 64 bits", () => {
    for (let incarnation = 0; incarnation < 200; incarnation++) {
      const hash = PeerRecord.memberHash(recordOf("x", { incarnation }))
      expect(hash).toBe(BigInt.asUintN(64, hash))
    }
  })

  it("of two changes do not cancel each other", () => {
    const of = (name: string, incarnation: number) => PeerRecord.memberHash(recordOf(name, { incarnation }))
    const changes = new Set<bigint>()
    for (const name of ["a", "b", "c", "d"]) for (let i = 0; i < 50; i++) changes.add(of(name, i) ^ of(name, i + 1))
    expect(changes.size).toBe(200)
  })
})

describe("the size of metadata", () => {
  it("is counted in bytes of UTF-8", () => {
    expect(PeerRecord.metadataBytes({ a: "ä", "\u{1f600}": "" })).toBe(7)
  })
})

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`, ""]))

describe("metadata", () => {
  it("may have as many pairs as the limit, and no more", () => {
    assert.isUndefined(PeerRecord.metadataProblem(pairs(maxMetadataPairs)))
    assert.strictEqual(PeerRecord.metadataProblem(pairs(maxMetadataPairs + 1)), "at most 256 pairs")
  })

  it("may have as many bytes as the limit, and no more, counted in UTF-8", () => {
    const fits = { k: "é".repeat((maxMetadataBytes - 2) / 2), l: "" }
    assert.strictEqual(PeerRecord.metadataBytes(fits), maxMetadataBytes)
    assert.isUndefined(PeerRecord.metadataProblem(fits))
    assert.strictEqual(PeerRecord.metadataProblem({ ...fits, l: "1" }), "8193 bytes of metadata; the limit is 8192")
  })

  it("must be well-formed, in keys and in values", () => {
    assert.match(PeerRecord.metadataProblem({ "\ud800": "" }) ?? "", /not well-formed/)
    assert.strictEqual(PeerRecord.metadataProblem({ a: "\ud800" }), '"a" is not well-formed Unicode')
    assert.isUndefined(PeerRecord.metadataProblem({ key: "value" }))
  })

  it("must be text, whatever an application without types passes", () => {
    const untyped: Record<string, string> = JSON.parse('{ "a": 1 }')
    assert.strictEqual(PeerRecord.metadataProblem(untyped), 'the value of "a" is not text')
  })
})
