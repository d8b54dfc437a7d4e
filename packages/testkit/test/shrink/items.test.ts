import { assert, describe, it } from "@effect/vitest"
import type { Attempt } from "../../src/Shrink.ts"
import { attemptOf, endsOf, itemsOf, keyOf, kindOf, sizeOf } from "../../src/shrink/items.ts"

const attempt: Attempt = {
  timeline: [
    { kind: "pause", at: 9, for: 5, node: "a" },
    { kind: "reset", at: 2, from: "a", to: "b" },
  ],
  deviations: { "loss a>b": { 3: 1, 10: 2 }, pick: { 0: 4 }, "delay a>b": { 1: 0 } },
}

const items = itemsOf(attempt, endsOf(attempt.deviations))

describe("The items of an attempt", () => {
  it("are its faults in the order of time, then its draws that are not benign, by their relative place in their stream", () => {
    assert.deepStrictEqual(
      items.map((item) => (item.side === "faults" ? item.fault.kind : item.id)),
      ["reset", "pause", "pick #0", "loss a>b #3", "loss a>b #10"],
    )
    assert.deepStrictEqual(sizeOf(items), { faults: 2, draws: 3 })
  })

  it("make the same attempt again, except for benign draws", () => {
    const { deviations, timeline } = attemptOf(items)
    assert.deepStrictEqual(timeline, attempt.timeline.toReversed())
    assert.deepStrictEqual(deviations, { "loss a>b": { 3: 1, 10: 2 }, pick: { 0: 4 } })
  })

  it("have the same key for equal attempts, and another key for any difference", () => {
    const key = keyOf(attempt)
    assert.strictEqual(keyOf({ ...attempt, deviations: { ...attempt.deviations } }), key)
    assert.strictEqual(keyOf({ ...attempt, deviations: { "loss a>b": { 3: 1, 10: 2 }, pick: { 0: 4 } } }), key)
    const others = [
      { ...attempt, timeline: attempt.timeline.slice(1) },
      { ...attempt, deviations: { ...attempt.deviations, pick: { 0: 5 } } },
      { ...attempt, deviations: { ...attempt.deviations, pick: { 1: 4 } } },
    ]
    assert.strictEqual(new Set([key, ...others.map(keyOf)]).size, 4)
  })

  it("have the kind of their stream", () => {
    assert.deepStrictEqual(["loss a>b", "pick"].map(kindOf), ["loss", "pick"])
  })
})
