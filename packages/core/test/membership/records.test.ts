import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Address } from "../../src/Address.ts"
import * as PeerName from "../../src/protocol/PeerName.ts"
import type { Body } from "../../src/protocol/PeerRecord.ts"
import { maxIncarnation } from "../../src/protocol/constants.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { addressOf, bodyOf, recordOf } from "./support.ts"

const oneOf = <const A extends string | number>(values: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(values))

// Few values, so that equal keys and equal parts of keys are common.
const bodies: ReadonlyArray<Body> = [
  bodyOf("x"),
  bodyOf("x", { a: "1" }),
  bodyOf("x", { a: "2" }),
  PeerRecord.emptyBody,
]

const record: Arbitrary.Arbitrary<PeerRecord.PeerRecord> = Arbitrary.map(
  Arbitrary.all([oneOf([1, 2, 7]), oneOf([0, 1, 5]), oneOf(PeerRecord.statusOfRank), oneOf([0, 1, 2, 3])]),
  ([generation, incarnation, status, body]): PeerRecord.PeerRecord => ({
    name: "x",
    generation,
    incarnation,
    status,
    body: { ...(bodies[body] ?? PeerRecord.emptyBody) },
  }),
)

const runs = { arbitrary: { runs: 500 } }

const isSame = (a: PeerRecord.PeerRecord, b: PeerRecord.PeerRecord): boolean => PeerRecord.compare(a, b) === 0

describe("the order of records", () => {
  it.prop(
    "of two records one is greater, or they say the same",
    [record, record],
    ([a, b]) => {
      expect(Math.sign(PeerRecord.compare(a, b))).toBe(-Math.sign(PeerRecord.compare(b, a)) + 0)
      expect(PeerRecord.compare(a, a)).toBe(0)
      if (PeerRecord.compare(a, b) === 0) expect(a).toStrictEqual(b)
    },
    runs,
  )

  it.prop(
    "it goes on from pair to pair",
    [record, record, record],
    ([a, b, c]) => {
      if (PeerRecord.compare(a, b) <= 0 && PeerRecord.compare(b, c) <= 0) {
        expect(PeerRecord.compare(a, c)).toBeLessThanOrEqual(0)
      }
    },
    runs,
  )

  it.prop(
    "merging does not depend on who comes first",
    [record, record],
    ([a, b]) => {
      expect(isSame(PeerRecord.merge(a, b), PeerRecord.merge(b, a))).toBe(true)
    },
    runs,
  )

  it.prop(
    "merging does not depend on the grouping",
    [record, record, record],
    ([a, b, c]) => {
      const left = PeerRecord.merge(PeerRecord.merge(a, b), c)
      const right = PeerRecord.merge(a, PeerRecord.merge(b, c))
      expect(isSame(left, right)).toBe(true)
    },
    runs,
  )

  it.prop(
    "merging with itself or again changes nothing",
    [record, record],
    ([a, b]) => {
      expect(PeerRecord.merge(a, a)).toBe(a)
      const merged = PeerRecord.merge(a, b)
      expect(isSame(PeerRecord.merge(merged, b), merged)).toBe(true)
    },
    runs,
  )

  it.prop(
    "merging never goes back",
    [record, record],
    ([a, b]) => {
      const merged = PeerRecord.merge(a, b)
      expect(PeerRecord.compare(merged, a)).toBeGreaterThanOrEqual(0)
      expect(PeerRecord.compare(merged, b)).toBeGreaterThanOrEqual(0)
      expect(merged === a || merged === b).toBe(true)
    },
    runs,
  )

  it.prop(
    "a merge with a greater record is greater",
    [record, record, record],
    ([a, b, c]) => {
      if (PeerRecord.compare(a, b) <= 0) {
        expect(PeerRecord.compare(PeerRecord.merge(a, c), PeerRecord.merge(b, c))).toBeLessThanOrEqual(0)
      }
    },
    runs,
  )

  it("a generation outranks leaving, leaving an incarnation, an incarnation a status", () => {
    const ascending: ReadonlyArray<Partial<PeerRecord.PeerRecord>> = [
      { generation: 1, incarnation: 0, status: "alive" },
      { generation: 1, incarnation: 0, status: "suspect" },
      { generation: 1, incarnation: 0, status: "failed" },
      { generation: 1, incarnation: 1, status: "alive" },
      { generation: 1, incarnation: 9, status: "failed" },
      { generation: 1, incarnation: 0, status: "left" },
      { generation: 1, incarnation: 1, status: "left" },
      { generation: 2, incarnation: 0, status: "alive" },
    ]
    const records = ascending.map((changes) => recordOf("x", changes))
    for (const [i, a] of records.entries()) {
      for (const [j, b] of records.entries()) expect(Math.sign(PeerRecord.compare(a, b))).toBe(Math.sign(i - j))
    }
  })

  it("who accuses is not part of the order", () => {
    const said = { status: "suspect", incarnation: 3 } as const
    expect(PeerRecord.compare(recordOf("x", { ...said, by: "a" }), recordOf("x", { ...said, by: "b" }))).toBe(0)
  })
})

const utf8 = new TextEncoder()

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

// On both sides of every border of UTF-8 and UTF-16.
const letters = [
  "a",
  "b",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "\u{1f600}",
  "\u{10ffff}",
]

const name = Arbitrary.map(Arbitrary.array(oneOf(letters), { maxLength: 4 }), (parts) => parts.join(""))

describe("the order of names", () => {
  it.prop(
    "is that of their UTF-8 bytes",
    [name, name],
    ([a, b]) => {
      expect(Math.sign(PeerName.compareNames(a, b))).toBe(Math.sign(compareBytes(utf8.encode(a), utf8.encode(b))))
    },
    { arbitrary: { runs: 2_000 } },
  )

  it("puts what is beyond U+FFFF after U+FFFF, unlike `<`", () => {
    expect(PeerName.compareNames("\u{10000}", "\uffff")).toBeGreaterThan(0)
    expect(["\uffff", "\u{10000}"].sort()).toStrictEqual(["\u{10000}", "\uffff"])
  })
})

describe("names", () => {
  it.each([
    ["a", undefined],
    ["__proto__", undefined],
    ["ä".repeat(64), undefined],
    ["\u{1f600}".repeat(32), undefined],
    ["", "a name must not be empty"],
    ["ä".repeat(64) + "a", "a name is at most 128 bytes of UTF-8"],
    ["a".repeat(129), "a name is at most 128 bytes of UTF-8"],
    ["a\nb", "a name must not contain control characters"],
    ["a\u0085b", "a name must not contain control characters"],
    ["a\ud800", "a name must be well-formed Unicode"],
  ])("%j is judged", (name, problem) => {
    expect(PeerName.nameProblem(name)).toBe(problem)
  })
})

describe("hashes", () => {
  it("of a body does not depend on the order of its metadata", () => {
    expect(PeerRecord.bodyHash(bodyOf("x", { a: "1", b: "2", "\u{10000}": "3", "\uffff": "4" }))).toBe(
      PeerRecord.bodyHash(bodyOf("x", { "\uffff": "4", "\u{10000}": "3", b: "2", a: "1" })),
    )
  })

  it("of bodies that differ in one place differ", () => {
    const base = bodyOf("x", { a: "1" })
    const addresses: ReadonlyArray<Address> = [addressOf("x"), addressOf("y")]
    const all: ReadonlyArray<Body> = [
      base,
      PeerRecord.emptyBody,
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

  it("of a member depends on name, generation and incarnation, and on nothing else", () => {
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
      const other: PeerRecord.PeerRecord = { ...each, status: "failed", body: PeerRecord.emptyBody }
      expect(PeerRecord.memberHash(other)).toBe(PeerRecord.memberHash(each))
    }
  })

  it("fit 64 bits", () => {
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

  it("metadata is counted in bytes of UTF-8", () => {
    expect(PeerRecord.metadataBytes({ a: "ä", "\u{1f600}": "" })).toBe(7)
  })
})
