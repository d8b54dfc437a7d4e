import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { causalityOf } from "../../../../src/picture/causality.ts"
import { TimelineBuilder } from "../../../../src/picture/viewer/model/TimelineBuilder.ts"
import { arrived, fault, log, sent, traceOf } from "../../traces.ts"

const builderOf = (events: ReadonlyArray<Event>) => new TimelineBuilder(events, causalityOf(traceOf(events)))

describe("TimelineBuilder", () => {
  it("adds the events of one instant at a time, and returns the first event of the next", () => {
    const builder = builderOf([log(0, "a"), log(0, "b"), log(5, "a")])
    assert.strictEqual(builder.addInstant(0), 2)
    assert.strictEqual(builder.result().rowOf.length, 2)
    assert.strictEqual(builder.addInstant(2), 3)
    assert.deepStrictEqual(
      builder.result().instants.map(({ at, end, first }) => [at, first, end]),
      [
        [0, 0, 2],
        [5, 2, 3],
      ],
    )
  })

  it("has no rows of events before the first instant", () => {
    const { folds, instants, rowOf } = builderOf([]).result()
    assert.deepStrictEqual([folds, instants, rowOf], [[], [], []])
  })

  it("puts events of one instant next to each other if none is a cause of another", () => {
    const builder = builderOf([log(0, "a"), log(0, "b")])
    builder.addInstant(0)
    const [a, b] = builder.result().rowOf
    assert.strictEqual(a, b)
  })

  it("needs less room between sends of one node than between other events", () => {
    const builder = builderOf([sent(0, 1, "a", "b"), sent(0, 2, "a", "b"), log(0, "a"), arrived(0, 1)])
    builder.addInstant(0)
    const [first = 0, second = 0, third = 0, fourth = 0] = builder.result().rowOf
    assert.closeTo(second - first, 0.6, 1e-9)
    assert.closeTo(third - second, 1, 1e-9)
    assert.closeTo(fourth - first, 1, 1e-9)
  })

  it("puts faults of one instant below each other, and a failure below all others", () => {
    const failed: Event = { _tag: "Failed", at: 0, text: "" }
    const builder = builderOf([fault(0, 1, "began", ["a"]), fault(0, 2, "began", ["b"]), log(0, "c"), failed])
    builder.addInstant(0)
    const [first = 0, second = 0, note = 0, last = 0] = builder.result().rowOf
    assert.closeTo(second - first, 1, 1e-9)
    assert.strictEqual(note, first)
    assert.closeTo(last - second, 1, 1e-9)
  })
})
