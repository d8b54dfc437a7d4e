import { assert, describe, it } from "@effect/vitest"
import { causalityOf } from "../../../../src/picture/causality.ts"
import { boundariesOf, faultSpansOf } from "../../../../src/picture/viewer/model/faultSpans.ts"
import { timelineOf } from "../../../../src/picture/viewer/model/timeline.ts"
import { fault, log, traceOf } from "../../traces.ts"

describe("faults", () => {
  it("last from their beginning to their end, limited to the trace", () => {
    const trace = traceOf([
      log(0, "a"),
      fault(1, 0, "began", ["a", "b", "c"]),
      fault(2, 1, "began", ["b", "c"]),
      fault(3, 0, "over", ["a", "b", "c"]),
      fault(4, 7, "over", ["c", "a"]),
    ])
    const causality = causalityOf(trace)
    const all = timelineOf(trace.events, causality)
    assert.deepStrictEqual(
      faultSpansOf(trace.events, causality, all).map(({ bottom, fault, from, to, top }) => ({
        bottom,
        fault,
        from,
        to,
        top,
      })),
      [
        { fault: 7, from: [2], to: [0], top: 0, bottom: all.rowOf[4] ?? 0 },
        { fault: 0, from: [0], to: [1, 2], top: all.rowOf[1] ?? 0, bottom: all.rowOf[3] ?? 0 },
        { fault: 1, from: [1], to: [2], top: all.rowOf[2] ?? 0, bottom: all.height },
      ],
    )
  })

  it("have a boundary between neighbouring lanes of different sides", () => {
    assert.deepStrictEqual(boundariesOf({ from: [0], to: [1, 2] }), [0])
    assert.deepStrictEqual(boundariesOf({ from: [0, 2], to: [1, 3] }), [0, 1, 2])
    assert.deepStrictEqual(boundariesOf({ from: [0, 4], to: [2] }), [0, 2])
    assert.deepStrictEqual(boundariesOf({ from: [1, 2], to: [] }), [])
  })
})
