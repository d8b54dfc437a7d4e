import { assert, describe, it } from "@effect/vitest"
import { causalityOf } from "../../../../src/picture/causality.ts"
import { simulationLane } from "../../../../src/picture/lanes.ts"
import { timeAt, timelineOf } from "../../../../src/picture/viewer/model/timeline.ts"
import { log, samples, traceOf } from "../../traces.ts"

describe("the timeline", () => {
  it("runs down with time, and from cause to effect within an instant", () => {
    for (const trace of Object.values(samples)) {
      const causality = causalityOf(trace)
      const { height, instants, rowOf } = timelineOf(trace.events, causality)
      assert.strictEqual(rowOf.length, trace.events.length)
      for (const [number, { at, bottom, end, first, top }] of instants.entries()) {
        assert.isAbove(top, instants[number - 1]?.bottom ?? 0)
        for (let index = first; index < end; index++) {
          assert.strictEqual(trace.events[index]?.at, at)
          assert.isAtLeast(rowOf[index] ?? 0, top)
          assert.isAtMost(rowOf[index] ?? 0, bottom)
          for (const cause of causality.causes[index] ?? []) {
            if (trace.events[index]?._tag !== "Lost") assert.isBelow(rowOf[cause] ?? 0, rowOf[index] ?? 0)
          }
        }
        assert.isBelow(bottom, height)
      }
    }
  })

  it("leaves room between the marks of a lane", () => {
    for (const trace of Object.values(samples)) {
      const causality = causalityOf(trace)
      const { rowOf } = timelineOf(trace.events, causality)
      const last = new Map<number, number>()
      for (const [index, lane] of causality.laneOf.entries()) {
        if (lane < simulationLane) continue
        const above = last.get(lane)
        if (above !== undefined)
          assert.isAtLeast((rowOf[index] ?? 0) - (rowOf[above] ?? 0), 0.6 - 1e-9, `event ${index}`)
        last.set(lane, index)
      }
    }
  })

  it("folds only long idle times, with their length", () => {
    const busy = Array.from({ length: 20 }, (_, index) => log(index * 1000, index % 2 === 0 ? "a" : "b"))
    const rest = busy.map((event) => ({ ...event, at: event.at + 60_000_000 }))
    const trace = traceOf([...busy, ...rest])
    const { folds, height, rowOf } = timelineOf(trace.events, causalityOf(trace))
    assert.deepStrictEqual(
      folds.map(({ from, to }) => [from, to]),
      [[19_000, 60_000_000]],
    )
    const [fold] = folds
    assert.strictEqual(fold?.top, rowOf[19])
    assert.strictEqual(fold?.bottom, rowOf[20])
    assert.isBelow(height, 60)
    assert.deepStrictEqual(timelineOf(busy, causalityOf(traceOf(busy))).folds, [])
  })

  it("is proportional to times that are not far apart", () => {
    const events = [0, 1000, 2000, 4000].map((at, index) => log(at, index % 2 === 0 ? "a" : "b"))
    const { rowOf } = timelineOf(events, causalityOf(traceOf(events)))
    const [p = 0, q = 0, r = 0, s = 0] = rowOf
    assert.closeTo(r - q, q - p, 1e-9)
    assert.closeTo(s - r, 2 * (q - p), 1e-9)
  })

  it("treats a decreasing time as the previous time", () => {
    const events = [log(5, "a"), log(3, "a"), log(9, "b")]
    const { instants, rowOf } = timelineOf(events, causalityOf(traceOf(events)))
    assert.deepStrictEqual(
      instants.map(({ at }) => at),
      [5, 9],
    )
    assert.isBelow(rowOf[0] ?? 0, rowOf[1] ?? 0)
  })

  it("returns the time of the first instant at or below a row, and the last time below all of them", () => {
    const events = [log(5, "a"), log(9, "b")]
    const timeline = timelineOf(events, causalityOf(traceOf(events)))
    const [, second = 0] = timeline.rowOf
    assert.deepStrictEqual(
      [0, second, second + 1].map((row) => timeAt(timeline, row)),
      [5, 9, 9],
    )
    assert.strictEqual(timeAt(timelineOf([], causalityOf(traceOf([]))), 3), 0)
  })
})
