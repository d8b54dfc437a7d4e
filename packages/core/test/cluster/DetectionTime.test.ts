import { assert, describe, it } from "@effect/vitest"
import { DetectionTime } from "../../src/cluster/DetectionTime.ts"
import { makeMetrics } from "./metricsSupport.ts"

describe("the detection time", () => {
  /** Returns the number of recorded failures, and the sum of their times in seconds. */
  const makeDetection = (members: Set<string>) => {
    const { metrics, valueOf } = makeMetrics()
    const detection = new DetectionTime(metrics, {
      isMember: (name) => members.has(name),
      members: () => members.size,
    })
    const result = () => {
      const { count, sum } = valueOf("coterie_detection_seconds") as { readonly count: number; readonly sum: number }
      return { count, sum }
    }
    return { detection, result }
  }

  it("runs from the last sign of life, on a link or before it ended", () => {
    const { detection, result } = makeDetection(new Set(["b", "c"]))
    detection.heard("b", 2_000)
    detection.heard("b", 1_000)
    detection.failed("b", 5_000, undefined)
    assert.deepStrictEqual(result(), { count: 1, sum: 3 })
    detection.failed("c", 5_000, 4_000)
    assert.deepStrictEqual(result(), { count: 2, sum: 4 })
  })

  it("is not recorded for a peer that was never heard, or that is not a member", () => {
    const { detection, result } = makeDetection(new Set(["b"]))
    detection.heard("stranger", 1_000)
    detection.failed("stranger", 5_000, undefined)
    detection.failed("b", 5_000, undefined)
    assert.deepStrictEqual(result(), { count: 0, sum: 0 })
  })

  it("keeps at most as many peers as there are members", () => {
    const members = new Set(["b", "c"])
    const { detection, result } = makeDetection(members)
    detection.heard("b", 1_000)
    detection.heard("c", 1_000)
    members.delete("b")
    detection.heard("c", 2_000)
    members.add("b")
    detection.failed("b", 5_000, undefined)
    assert.deepStrictEqual(result(), { count: 0, sum: 0 })
  })
})
