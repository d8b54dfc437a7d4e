import type { Trace } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { causalityOf } from "../../../../src/picture/causality.ts"
import { nodeStatesOf } from "../../../../src/picture/viewer/model/nodeStates.ts"
import { timelineOf } from "../../../../src/picture/viewer/model/timeline.ts"
import { node, traceOf } from "../../traces.ts"

describe("states of nodes", () => {
  const statesOf = (trace: Trace, lane: number) => {
    const causality = causalityOf(trace)
    return nodeStatesOf(trace, causality, timelineOf(trace.events, causality)).flatMap((span) =>
      span.lane === lane ? [span.state] : [],
    )
  }

  it("follow each other without gaps, and continue after a pause with the earlier state", () => {
    const trace = traceOf([
      node(0, "a", "starting"),
      node(5, "a", "paused"),
      node(6, "a", "resumed"),
      node(7, "a", "running"),
      node(8, "a", "slow"),
      node(9, "a", "crashed"),
      node(10, "a", "starting"),
      node(11, "a", "running"),
      node(12, "a", "stopping"),
      node(13, "a", "stopped"),
    ])
    assert.deepStrictEqual(statesOf(trace, 0), [
      "starting",
      "paused",
      "starting",
      "running",
      "crashed",
      "starting",
      "running",
      "stopping",
      "stopped",
    ])
    const causality = causalityOf(trace)
    const { height, rowOf } = timelineOf(trace.events, causality)
    const own = nodeStatesOf(trace, causality, timelineOf(trace.events, causality)).filter(({ lane }) => lane === 0)
    assert.strictEqual(own[0]?.top, rowOf[0])
    assert.strictEqual(own.at(-1)?.bottom, height)
    for (const [index, span] of own.slice(1).entries()) assert.strictEqual(span.top, own[index]?.bottom)
  })

  it("are guessed before the first change if the beginning of the trace is missing", () => {
    const before = (state: Parameters<typeof node>[2]) => statesOf({ ...traceOf([node(5, "a", state)]), skipped: 9 }, 0)
    assert.deepStrictEqual(before("crashed"), ["running", "crashed"])
    assert.deepStrictEqual(before("running"), ["starting", "running"])
    assert.deepStrictEqual(before("resumed"), ["paused", "running"])
    assert.deepStrictEqual(before("starting"), ["starting"])
    assert.deepStrictEqual(statesOf({ ...traceOf([]), skipped: 9 }, 0), ["running"])
    assert.deepStrictEqual(statesOf(traceOf([node(5, "a", "running")]), 0), ["running"])
  })
})
