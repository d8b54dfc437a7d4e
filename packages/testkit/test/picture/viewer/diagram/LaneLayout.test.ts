import { assert, describe, it } from "@effect/vitest"
import { simulationLane } from "../../../../src/picture/lanes.ts"
import { axisWidth, LaneLayout, lanesLeft } from "../../../../src/picture/viewer/diagram/LaneLayout.ts"

describe("LaneLayout", () => {
  it("shares the width among the lanes", () => {
    const layout = new LaneLayout(["a", "b", "c", "d"])
    const width = lanesLeft + 800
    assert.strictEqual(layout.laneWidth(width), 200)
    assert.strictEqual(layout.totalWidth(width), width)
    assert.deepStrictEqual(
      [0, 3].map((lane) => layout.x(lane, { left: 0, width })),
      [lanesLeft + 100, lanesLeft + 700],
    )
  })

  it("centres lanes that do not need the whole width", () => {
    const layout = new LaneLayout(["a"])
    const width = lanesLeft + 500
    assert.strictEqual(layout.laneWidth(width), 300)
    assert.strictEqual(layout.x(0, { left: 0, width }), lanesLeft + 250)
  })

  it("keeps lanes as wide as their names, within limits, and scrolls them", () => {
    const short = new LaneLayout(["a", "b"])
    const long = new LaneLayout(["a".repeat(10), "b"])
    const longest = new LaneLayout(["a".repeat(99), "b"])
    assert.deepStrictEqual(
      [short, long, longest].map((layout) => layout.laneWidth(150)),
      [60, 90, 120],
    )
    assert.strictEqual(longest.totalWidth(150), lanesLeft + 240)
    assert.strictEqual(longest.x(1, { left: 90, width: 150 }), lanesLeft + 180 - 90)
  })

  it("keeps the simulation left of the lanes, and does not scroll it", () => {
    const x = new LaneLayout(["a"]).x(simulationLane, { left: 90, width: 150 })
    assert.isAbove(x, axisWidth)
    assert.isBelow(x, lanesLeft)
  })

  it("needs no lanes", () => {
    assert.strictEqual(new LaneLayout([]).totalWidth(500), lanesLeft)
  })
})
