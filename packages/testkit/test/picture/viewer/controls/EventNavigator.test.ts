import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { EventNavigator } from "../../../../src/picture/viewer/controls/EventNavigator.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { log, sent, traceOf } from "../../traces.ts"

const mark = (at: number): Event => ({ _tag: "Note", at, kind: "mark", text: "" })

describe("EventNavigator", () => {
  const events = [
    log(0, "a"), // 0
    log(1, "c"), // 1
    sent(2, 1, "a", "c", "Vote"), // 2
    log(3, "a"), // 3
    log(4, "c"), // 4
    mark(5), // 5
  ]
  const model = new TraceModel(traceOf(events))
  const navigator = (hidden: ReadonlyArray<number> = []) =>
    new EventNavigator(model, (event) => !hidden.includes(event))

  it("steps to the next visible event of a lane, and stops at its ends", () => {
    assert.strictEqual(navigator().inLane(0, 1), 2)
    assert.strictEqual(navigator([2]).inLane(0, 1), 3)
    assert.strictEqual(navigator().inLane(3, -1), 2)
    assert.isUndefined(navigator().inLane(0, -1))
    assert.isUndefined(navigator().inLane(3, 1))
  })

  it("steps from a hidden event", () => {
    assert.strictEqual(navigator([2]).inLane(2, 1), 3)
  })

  it("steps to the nearest visible event of the next lane with visible events", () => {
    // Lane b is empty.
    assert.strictEqual(navigator().acrossLanes(3, 1), 4)
    assert.strictEqual(navigator([4]).acrossLanes(3, 1), 1)
    assert.strictEqual(navigator().acrossLanes(1, -1), 0)
    assert.isUndefined(navigator([1, 4]).acrossLanes(0, 1))
  })

  it("steps left of the lanes to the events of the simulation", () => {
    assert.strictEqual(navigator().acrossLanes(0, -1), 5)
    assert.strictEqual(navigator().acrossLanes(5, 1), 3)
    assert.isUndefined(navigator().acrossLanes(5, -1))
  })
})
