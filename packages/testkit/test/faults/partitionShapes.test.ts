import { assert, describe, it } from "@effect/vitest"
import { drawCuts, partitionFaults, type Shape } from "../../src/faults/partitionShapes.ts"
import * as Prng from "../../src/kernel/Prng.ts"

const names = [..."abcdefg"]

/** Draws cuts of one shape for many seeds. */
const draws = (shape: Shape, present: ReadonlyArray<string>, absent: ReadonlyArray<string> = []) =>
  Array.from({ length: 100 }, (_, seed) => drawCuts([shape], present, absent, Prng.make(seed, "cuts")))

/** Returns the number of the other nodes that a node still reaches. */
const reached = (cuts: ReturnType<typeof drawCuts>, node: string, all: ReadonlyArray<string>): number =>
  all.filter(
    (other) =>
      other !== node &&
      !cuts.some(
        ({ from, to }) => (from.includes(node) && to.includes(other)) || (from.includes(other) && to.includes(node)),
      ),
  ).length

describe("drawCuts", () => {
  it("isolates one node from all others", () => {
    for (const cuts of draws("isolate", names)) {
      assert.strictEqual(cuts.length, 1)
      assert.deepStrictEqual([cuts[0]?.from.length, cuts[0]?.to.length], [1, 6])
    }
  })

  it("cuts off one half from the other", () => {
    for (const [cut] of draws("halves", names)) assert.deepStrictEqual([cut?.from.length, cut?.to.length], [3, 4])
  })

  it("cuts off any number of nodes from the rest", () => {
    const sizes = new Set(draws("size", names).map(([cut]) => cut?.from.length))
    assert.deepStrictEqual([...sizes].sort(), [1, 2, 3, 4, 5, 6])
  })

  it("leaves one bridge that reaches both sides", () => {
    for (const cuts of draws("bridge", names)) {
      assert.strictEqual(names.filter((node) => reached(cuts, node, names) === 6).length, 1)
    }
  })

  it("lets each node of a ring reach only its two neighbours", () => {
    const six = names.slice(0, 6)
    for (const cuts of draws("ring", six)) {
      for (const node of six) assert.strictEqual(reached(cuts, node, six), 2, node)
    }
  })

  it("makes no cuts if there are too few nodes for the shape", () => {
    assert.deepStrictEqual(draws("isolate", ["a"])[0], [])
    assert.deepStrictEqual(draws("bridge", ["a", "b"])[0], [])
    assert.deepStrictEqual(draws("ring", ["a", "b", "c"])[0], [])
  })

  it("puts absent nodes on either side", () => {
    const sides = new Set(draws("halves", ["a", "b"], ["z"]).map(([cut]) => cut?.from.includes("z") === true))
    assert.deepStrictEqual([...sides].sort(), [false, true])
    for (const [cut] of draws("halves", ["a", "b"], ["z"])) {
      assert.sameMembers([...(cut?.from ?? []), ...(cut?.to ?? [])], ["a", "b", "z"])
    }
  })
})

describe("partitionFaults", () => {
  it("makes one fault for each cut, with the key oneWay only if it is one way", () => {
    const cuts = [
      { from: ["a"], to: ["b"] },
      { from: ["c"], to: ["d"] },
    ]
    assert.deepStrictEqual(partitionFaults(cuts, { at: 5, for: 7, oneWay: false }), [
      { kind: "partition", at: 5, for: 7, from: ["a"], to: ["b"] },
      { kind: "partition", at: 5, for: 7, from: ["c"], to: ["d"] },
    ])
    assert.deepStrictEqual(partitionFaults(cuts.slice(0, 1), { at: 5, for: 7, oneWay: true }), [
      { kind: "partition", at: 5, for: 7, from: ["a"], to: ["b"], oneWay: true },
    ])
  })
})
