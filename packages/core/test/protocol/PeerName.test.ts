/** Names of peers and their order (docs/protocol.md, section "Identity"). */
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as PeerName from "../../src/protocol/PeerName.ts"

const utf8 = new TextEncoder()

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

// Code points on both sides of every boundary of UTF-8 and UTF-16.
const letters: ReadonlyArray<string> = [
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

const name = Arbitrary.map(Arbitrary.array(Arbitrary.schema(Schema.Literals(letters)), { maxLength: 4 }), (parts) =>
  parts.join(""),
)

describe("the order of names", () => {
  it.prop(
    "is the order of their UTF-8 bytes",
    [name, name],
    ([a, b]) => {
      expect(Math.sign(PeerName.compareNames(a, b))).toBe(Math.sign(compareBytes(utf8.encode(a), utf8.encode(b))))
    },
    { arbitrary: { runs: 2_000 } },
  )

  it("puts code points beyond U+FFFF after U+FFFF, unlike `<`", () => {
    expect(PeerName.compareNames("\u{10000}", "\uffff")).toBeGreaterThan(0)
    expect(["\uffff", "\u{10000}"].sort()).toStrictEqual(["\u{10000}", "\uffff"])
  })
})

describe("nameProblem", () => {
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
  ])("of %j is %j", (name, problem) => {
    expect(PeerName.nameProblem(name)).toBe(problem)
  })
})
