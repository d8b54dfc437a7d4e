import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { type Causality, CausalityBuilder } from "../../src/picture/CausalityBuilder.ts"
import { inTransit, simulationLane, unknownLane } from "../../src/picture/lanes.ts"
import { arrived, fault, log, sent } from "./traces.ts"

const build = (events: ReadonlyArray<Event>, lanes: ReadonlyArray<string> = ["a", "b"]): Causality => {
  const builder = new CausalityBuilder()
  for (const name of lanes) builder.addLane(name)
  for (const event of events) builder.addHosts(event)
  for (const [index, event] of events.entries()) builder.add(index, event)
  return builder.result()
}

const lost = (at: number, id: number): Event => ({ _tag: "Lost", at, id, times: 1 })
const dropped = (at: number, id: number): Event => ({ _tag: "Dropped", at, id, why: "cut" })
const connection = (at: number, state: "dialed" | "accepted"): Event => ({
  _tag: "Connection",
  at,
  connection: 1,
  from: "a",
  to: "b",
  state,
})

describe("CausalityBuilder", () => {
  it("adds one lane for each host, in the order of appearance", () => {
    const { laneOf, lanes } = build([log(0, "z"), log(1, "b"), sent(2, 1, "y", "z")], ["a", "b", "a"])
    assert.deepStrictEqual(lanes, ["a", "b", "z", "y"])
    assert.deepStrictEqual(laneOf, [2, 1, 3])
  })

  it("follows a message from its send over its losses to its arrival at the receiver", () => {
    const { causes, laneOf } = build([sent(0, 1, "a", "b"), lost(1, 1), lost(2, 1), arrived(3, 1)])
    assert.deepStrictEqual(laneOf, [0, inTransit, inTransit, 1])
    assert.deepStrictEqual(causes, [[], [0], [0, 1], [0, 1, 2]])
  })

  it("puts a dropped message between the nodes", () => {
    const { causes, laneOf } = build([sent(0, 1, "a", "b"), dropped(1, 1), log(2, "b")])
    assert.deepStrictEqual(laneOf, [0, inTransit, 1])
    assert.deepStrictEqual(causes, [[], [0], []])
  })

  it("has no cause for an arrival whose send is missing", () => {
    const { causes, laneOf } = build([arrived(0, 9)])
    assert.deepStrictEqual([laneOf, causes], [[unknownLane], [[]]])
  })

  it("makes the previous event in its lane a cause of an event, and the dial a cause of an accepted connection", () => {
    const { causes } = build([connection(0, "dialed"), log(1, "b"), log(2, "a"), connection(3, "accepted")])
    assert.deepStrictEqual(causes, [[], [], [0], [0, 1]])
  })

  it("makes a fault a cause of the next event of each of its nodes, and of the end of the fault", () => {
    const { causes, laneOf } = build([
      fault(0, 1, "began", ["a", "b"]),
      log(1, "a"),
      log(2, "a"),
      log(3, "b"),
      fault(4, 1, "over", ["a"]),
      log(5, "a"),
      log(6, "b"),
    ])
    assert.deepStrictEqual(laneOf[0], simulationLane)
    assert.deepStrictEqual(causes, [[], [0], [1], [0], [0], [2, 4], [3]])
  })
})
