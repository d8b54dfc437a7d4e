import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { causalityOf, causalPast } from "../../src/picture/causality.ts"
import { inTransit, simulationLane, unknownLane } from "../../src/picture/lanes.ts"
import { arrived, fault, log, samples, sent, traceOf } from "./traces.ts"

describe("lanes", () => {
  it("are the nodes in their order, then other hosts in order of appearance", () => {
    const { lanes } = causalityOf(traceOf([sent(0, 1, "z", "b"), sent(1, 2, "a", "y")]))
    assert.deepStrictEqual(lanes, ["a", "b", "c", "z", "y"])
  })

  it("contain the events of their node, and other events are of the simulation, in transit, or unknown", () => {
    const { laneOf } = causalityOf(
      traceOf([
        sent(0, 1, "a", "b"),
        { _tag: "Lost", at: 0, id: 1, times: 1 },
        arrived(1, 1),
        { _tag: "Dropped", at: 2, id: 99, why: "" },
        sent(3, 2, "a", "b"),
        { _tag: "Dropped", at: 4, id: 2, why: "" },
        fault(5, 0, "began", ["a"]),
        { _tag: "Connection", at: 6, connection: 1, from: "a", to: "c", state: "accepted" },
        { _tag: "Connection", at: 6, connection: 1, from: "a", to: "c", state: "end", by: "c" },
        { _tag: "Connection", at: 6, connection: 2, from: "a", to: "c", state: "refused" },
        { _tag: "Note", at: 7, kind: "healed", text: "" },
      ]),
    )
    assert.deepStrictEqual(laneOf, [
      0,
      inTransit,
      1,
      unknownLane,
      0,
      inTransit,
      simulationLane,
      2,
      2,
      0,
      simulationLane,
    ])
  })
})

describe("the causal past", () => {
  const story = traceOf([
    log(0, "a"), // 0
    log(0, "b"), // 1
    sent(1, 1, "a", "b"), // 2
    { _tag: "Lost", at: 1, id: 1, times: 2 }, // 3
    log(2, "a"), // 4
    arrived(3, 1), // 5
    sent(4, 2, "b", "c"), // 6
    log(5, "c"), // 7
    { _tag: "Dropped", at: 6, id: 2, why: "" }, // 8
    fault(7, 0, "began", ["c", "a"]), // 9
    log(8, "c"), // 10
    fault(9, 0, "over", ["c", "a"]), // 11
    { _tag: "Connection", at: 10, connection: 3, from: "a", to: "b", state: "dialed" }, // 12
    { _tag: "Connection", at: 11, connection: 3, from: "a", to: "b", state: "accepted" }, // 13
  ])
  const { causes } = causalityOf(story)
  const pastOf = (event: number): ReadonlyArray<number> =>
    causalPast(causes, event).flatMap((inside, index) => (inside ? [index] : []))

  it("contains the earlier events of the same node, and the messages that it received", () => {
    assert.deepStrictEqual(pastOf(0), [0])
    assert.deepStrictEqual(pastOf(4), [0, 2, 4])
    assert.deepStrictEqual(pastOf(5), [0, 1, 2, 3, 5])
  })

  it("does not contain messages that never arrived", () => {
    assert.deepStrictEqual(pastOf(7), [7])
    assert.deepStrictEqual(pastOf(8), [0, 1, 2, 3, 5, 6, 8])
  })

  it("contains the faults of a node, and no events of the other nodes of a fault", () => {
    assert.deepStrictEqual(pastOf(10), [7, 9, 10])
    assert.deepStrictEqual(pastOf(11), [9, 11])
  })

  it("of an accepted connection contains its dial", () => {
    assert.deepStrictEqual(pastOf(13), [0, 1, 2, 3, 4, 5, 6, 9, 11, 12, 13])
  })

  it("of a failure without a node contains the last event of every node", () => {
    const failed: Event = { _tag: "Failed", at: 12, text: "" }
    const { causes } = causalityOf(traceOf([...story.events, failed]))
    const inside = causalPast(causes, 14)
    assert.deepStrictEqual(
      inside.flatMap((isInside, index) => (isInside ? [] : [index])),
      [8],
    )
    const ofOne = causalityOf(traceOf([...story.events, { ...failed, node: "c" }]))
    assert.isFalse(causalPast(ofOne.causes, 14)[5])
  })

  it("never contains later events", () => {
    for (const trace of Object.values(samples)) {
      for (const [index, before] of causalityOf(trace).causes.entries()) {
        for (const cause of before) assert.isBelow(cause, index)
      }
    }
  })
})
