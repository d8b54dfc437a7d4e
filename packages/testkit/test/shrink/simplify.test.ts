import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../src/FaultPlan.ts"
import type { Item } from "../../src/shrink/items.ts"
import { isSimpler, simplerItems } from "../../src/shrink/simplify.ts"

const fault = (value: Fault): Item => ({ side: "faults", id: "fault 0", fault: value })
const draw = (stream: string, value: number): Item => ({ side: "draws", id: `${stream} #0`, stream, index: 0, value })

const faults: ReadonlyArray<Fault> = [
  { kind: "partition", at: 0, for: 20_000_000, from: ["a", "b", "c"], to: ["d"] },
  { kind: "clog", at: 0, for: 5_000_000, from: "a", to: "b" },
  {
    kind: "swizzle",
    at: 0,
    for: 9_000_000,
    nodes: [
      { node: "a", from: 0, to: 9_000_000 },
      { node: "b", from: 1_000_000, to: 2_000_000 },
    ],
  },
  { kind: "crash", at: 0, for: 5_000_000, node: "a", silent: true },
  { kind: "pause", at: 0, for: 5_000_000, node: "a" },
  { kind: "slow", at: 0, for: 5_000_000, node: "a", task: 50_000 },
  { kind: "clock", at: 0, node: "a", by: -7_654_321 },
  { kind: "drift", at: 0, node: "a", ppm: -400 },
]

describe("simplerItems", () => {
  it("are all simpler than the item, for every kind of fault", () => {
    for (const value of faults) {
      const simpler = simplerItems(fault(value))
      assert.isNotEmpty(simpler, value.kind)
      for (const item of simpler) assert.isTrue(isSimpler([item], [fault(value)]), JSON.stringify(item))
    }
  })

  it("do not exist for a fault that cannot become simpler", () => {
    for (const start of faults) {
      let item = fault(start)
      for (let i = 0; i < 200; i++) item = simplerItems(item)[0] ?? item
      assert.deepStrictEqual(simplerItems(item), [], start.kind)
    }
    assert.deepStrictEqual(simplerItems(fault({ kind: "reset", at: 0, from: "a", to: "b" })), [])
  })

  it("keep the sign of a clock that was set", () => {
    for (const item of simplerItems(fault({ kind: "clock", at: 0, node: "a", by: -5_000_000 }))) {
      assert(item.side === "faults" && item.fault.kind === "clock")
      assert.isBelow(item.fault.by, 0)
    }
  })

  it("make a draw smaller, unless a smaller value is a tighter limit", () => {
    assert.deepStrictEqual(
      simplerItems(draw("delay a>b", 123_456)).map((item) => (item.side === "draws" ? item.value : 0)),
      [1, 61_000, 120_000],
    )
    assert.deepStrictEqual(simplerItems(draw("bandwidth a>b", 123_456)), [])
    assert.deepStrictEqual(simplerItems(draw("loss a>b", 1)), [])
  })
})

describe("isSimpler", () => {
  it("prefers fewer items, then smaller ones", () => {
    const [one, two] = [draw("delay a>b", 5), draw("delay a>b", 9)]
    assert.isTrue(isSimpler([two], [one, one]))
    assert.isTrue(isSimpler([one], [two]))
    assert.isFalse(isSimpler([two], [one]))
    assert.isFalse(isSimpler([one], [one]))
  })
})
